//! The command line: one file for each group of commands.

mod backup;
mod campaigns;
mod connect;
mod customers;
mod decisions;
mod events;
mod journeys;
mod lint;
pub mod output;
mod preferences;
mod preview;
mod push;
mod recover;
mod regions;
mod report;
mod serve;
mod topics;
mod traces;
mod triggers;
mod zones;

use clap::{Parser, Subcommand};

/// Geofence and beacon triggers that knock once.
///
/// `doorstep serve` runs the server, and `restore` and `check` look at files. All other commands talk to a running server.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Args {
    /// The server to talk to.
    #[arg(long, global = true, env = "DOORSTEP_SERVER", default_value = "http://127.0.0.1:7407", value_name = "URL")]
    server: String,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(Box<serve::Serve>),
    /// Take a backup of a running server, which goes on serving.
    Backup(backup::Backup),
    /// Make a data directory from a backup.
    Restore(backup::Restore),
    /// Check a backup, or the data directory of a server that does not run.
    Check(backup::Check),
    /// Where things happen: the places, and the fences and beacons in and around them.
    #[command(subcommand)]
    Regions(regions::Regions),
    /// Sensitive places, in which nothing is decided and nothing kept.
    #[command(subcommand)]
    Zones(zones::ZonesCommand),
    /// What to say, to whom, and when.
    #[command(subcommand)]
    Campaigns(campaigns::Campaigns),
    /// The ways of customers with a brand, in stages.
    #[command(subcommand)]
    Journeys(journeys::Journeys),
    /// What messages are about, and whether customers have to opt in or out.
    #[command(subcommand)]
    Topics(topics::Topics),
    /// Who it is said to: customers, their devices and what they agreed to.
    #[command(subcommand)]
    Customers(customers::Customers),
    /// What customers do elsewhere: on the web, by email, at the till, in the app.
    #[command(subcommand)]
    Events(events::Events),
    /// What was decided.
    #[command(subcommand)]
    Decisions(decisions::Decisions),
    /// What a campaign did, and what it changed.
    Report(report::Report),
    /// Why did, or didn't, somebody get a message?
    Explain(decisions::Explain),
    /// What is to be, or was, handed to push.
    #[command(subcommand)]
    Triggers(triggers::Triggers),
    /// Record every ping of a test device for a while, coordinates included.
    #[command(subcommand)]
    Trace(traces::Trace),
}

/// Runs one command to its end.
pub fn run(args: Args) -> anyhow::Result<()> {
    let server = args.server;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async move {
        match args.command {
            Command::Serve(serve) => serve.run().await,
            Command::Backup(backup) => backup.run(&server).await,
            Command::Restore(restore) => restore.run(),
            Command::Check(check) => check.run(),
            Command::Regions(command) => command.run(&server).await,
            Command::Zones(command) => command.run(&server).await,
            Command::Campaigns(command) => command.run(&server).await,
            Command::Journeys(command) => command.run(&server).await,
            Command::Topics(command) => command.run(&server).await,
            Command::Customers(command) => command.run(&server).await,
            Command::Events(command) => command.run(&server).await,
            Command::Decisions(command) => command.run(&server).await,
            Command::Report(command) => command.run(&server).await,
            Command::Explain(command) => command.run(&server).await,
            Command::Triggers(command) => command.run(&server).await,
            Command::Trace(command) => command.run(&server).await,
        }
    })
}
