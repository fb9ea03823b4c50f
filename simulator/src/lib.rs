//! Walks a street so that you need not: routes, noise, a virtual phone, replays and reports for Doorstep.
//!
//! A track file becomes a route (where the phone truly is), noise makes fixes of it, a phone reports them over
//! gRPC, a receiver takes the alerts, and a timeline tells what happened and why not. A replay skips all that
//! and feeds recorded pings to the core in-process.

pub mod clock;

pub mod formats;
pub mod noise;
pub mod pings;
pub mod route;
pub mod track;

pub mod client;
pub mod phone;
pub mod receiver;

pub mod faults;
pub mod provider;
pub mod proxy;

pub mod naive;
pub mod summary;
pub mod timeline;

pub mod generate;
pub mod grade;
pub mod suite;

pub mod report;

pub mod crash;
pub mod demo;
pub mod replay;
pub mod score;
pub mod story;
pub mod walk;
