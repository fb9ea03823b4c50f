//! A file of lines to a setting and acts.

use super::channel;
use super::legs::{self, Report};
use super::setting::Setting;
use super::words::{Day, Read, Words, id};
use doorstep::model::{CampaignId, CustomerId, DeviceId, Event, PreferenceSetting, ServerTime, TraitChange};
use std::ops::Range;

/// A scenario that was read.
#[derive(Debug)]
pub(super) struct Script {
    /// What stands.
    pub(super) setting: Setting,
    /// What happens, by time.
    pub(super) acts: Vec<Act>,
}

/// One `at` line.
#[derive(Debug)]
pub(super) struct Act {
    /// Its lines in the file: its own, then those that go on with its expectation. From 0.
    pub(super) lines: Range<usize>,
    /// When.
    pub(super) at: ServerTime,
    /// The day, for reading times and for writing them.
    pub(super) day: Day,
    /// What.
    pub(super) deed: Deed,
    /// The outcomes that should follow; absent when none are written.
    pub(super) expected: Option<Vec<String>>,
}

/// What an act does.
#[derive(Debug)]
pub(super) enum Deed {
    /// A device reports.
    Reports(Vec<Report>),
    /// A customer answers about consent, for a time where it is given.
    Consent(CustomerId, bool, Option<ServerTime>),
    /// A customer says what they want to hear of.
    Prefer(CustomerId, Vec<PreferenceSetting>),
    /// Time passes, and nobody reports: what is due is done.
    Wait,
    /// The latest message of a campaign to a customer ended undelivered.
    Refund(CampaignId, CustomerId),
    /// A customer did something elsewhere.
    Event(CustomerId, Event),
    /// What there is to report of a campaign is told.
    Report(CampaignId),
    /// A trait of a customer changes.
    Trait(CustomerId, TraitChange),
    /// A device's app opens a stream, or closes it.
    Stream(DeviceId, bool),
}

/// Reads a scenario. An error begins with the number of the line.
pub(super) fn read(text: &str) -> Read<Script> {
    let mut script = Script { setting: Setting::default(), acts: Vec::new() };
    let mut day: Option<Day> = None;
    for (number, line) in text.lines().enumerate() {
        line_of(&mut script, &mut day, number, line).map_err(|why| format!("{}: {why}", number + 1))?;
    }
    Ok(script)
}

/// What a line says, what it expects after `->`, and its comment.
pub(super) fn parts(line: &str) -> (&str, Option<&str>, &str) {
    let comment = line
        .char_indices()
        .find(|&(at, c)| c == '#' && line[..at].chars().next_back().is_none_or(char::is_whitespace))
        .map_or(line.len(), |(at, _)| at);
    let (said, comment) = line.split_at(comment);
    match said.split_once("->") {
        Some((head, tail)) => (head, Some(tail.trim()), comment),
        None => (said, None, comment),
    }
}

fn line_of(script: &mut Script, day: &mut Option<Day>, number: usize, line: &str) -> Read<()> {
    let (head, tail, _) = parts(line);
    let outcomes = tail.map(outcomes).transpose()?;
    let mut words = Words::of(head);
    let kind = words.any();
    match (kind, outcomes) {
        (None, None) => Ok(()),
        (None, Some(more)) => match script.acts.last_mut() {
            Some(act) if act.lines.end == number => {
                act.lines.end = number + 1;
                act.expected.get_or_insert_default().extend(more);
                Ok(())
            }
            Some(_) | None => Err("begins with ->; must follow an at line directly".to_owned()),
        },
        (Some("at"), expected) => act(script, day.as_ref(), number, words, expected),
        (Some(kind), Some(_)) => Err(format!("expects something of {kind:?}; only an at line has ->")),
        (Some("day"), None) => {
            let date = words.take("a date such as 2026-07-15")?;
            *day = Some(Day::read(date, words.take("a time zone such as America/Denver")?)?);
            words.end()
        }
        (Some(kind), None) if script.acts.is_empty() => script.setting.take(kind, words, day.as_ref()),
        (Some(kind), None) => Err(format!("says {kind:?} after the first at line; must stand above it")),
    }
}

fn act(
    script: &mut Script,
    day: Option<&Day>,
    number: usize,
    mut words: Words<'_>,
    expected: Option<Vec<String>>,
) -> Read<()> {
    let day = day.ok_or("stands before the day; write day 2026-07-15 America/Denver above it")?.clone();
    let at = day.moment(words.take("a time such as 12:00:00")?)?;
    if let Some(earlier) = script.acts.last().filter(|earlier| earlier.at > ServerTime(at)) {
        return Err(format!("is at {}, before line {}; must stand above it", day.clock(at), earlier.lines.start + 1));
    }
    let setting = &script.setting;
    let verb = words
        .take("ping, walk, stay, wait, event, trait, connect, disconnect, withdraw, grant, prefer, stop, resume, refund or report")?;
    let deed = match verb {
        "ping" | "walk" | "stay" => Deed::Reports(legs::read(verb, words, at, &day, setting)?),
        "wait" => {
            words.end()?;
            Deed::Wait
        }
        "withdraw" => {
            let customer = customer(&mut words, setting)?;
            words.end()?;
            Deed::Consent(customer, false, None)
        }
        "grant" => {
            let customer = customer(&mut words, setting)?;
            let expires =
                words.take_if("until").then(|| day.moment(words.take("a time such as 13:00")?)).transpose()?;
            words.end()?;
            Deed::Consent(customer, true, expires.map(ServerTime))
        }
        "stop" | "resume" => {
            let customer = customer(&mut words, setting)?;
            words.end()?;
            Deed::Prefer(customer, vec![PreferenceSetting::Stopped(verb == "stop")])
        }
        "prefer" => channel::preferences(words, setting)?,
        "refund" => {
            let campaign = id("campaign", words.take("a campaign")?, CampaignId::parse)?;
            words.expect("of")?;
            let customer = customer(&mut words, setting)?;
            words.end()?;
            Deed::Refund(campaign, customer)
        }
        "report" => {
            let campaign = id("campaign", words.take("a campaign")?, CampaignId::parse)?;
            words.end()?;
            Deed::Report(campaign)
        }
        "connect" | "disconnect" => {
            let device = id("device", words.take("a device")?, DeviceId::parse)?;
            words.end()?;
            if !setting.owners.contains_key(&device) {
                return Err(format!("has the device {device}, which no customer above has"));
            }
            Deed::Stream(device, verb == "connect")
        }
        "event" => channel::event(words, at, number + 1, &day, setting)?,
        "trait" => channel::of_trait(words, setting)?,
        other => {
            return Err(format!(
                "does {other:?}; must be ping, walk, stay, wait, event, trait, connect, disconnect, withdraw, grant, prefer, stop, resume, refund or report"
            ));
        }
    };
    script.acts.push(Act { lines: number..number + 1, at: ServerTime(at), day, deed, expected });
    Ok(())
}

pub(super) fn customer(words: &mut Words<'_>, setting: &Setting) -> Read<CustomerId> {
    let customer = id("customer", words.take("a customer")?, CustomerId::parse)?;
    if setting.owners.values().any(|owner| *owner == customer) {
        Ok(customer)
    } else {
        Err(format!("has the customer {customer}, whom no line brings in with a device"))
    }
}

/// `enter a, sent b`, or `nothing`.
fn outcomes(text: &str) -> Read<Vec<String>> {
    match text {
        "" => Err("expects what? Write what follows after ->, or nothing".to_owned()),
        "nothing" => Ok(Vec::new()),
        text => Ok(text.split(',').map(|outcome| outcome.trim().to_owned()).collect()),
    }
}
