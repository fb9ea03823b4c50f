//! The `simulator` command.

use clap::{Parser, Subcommand};
use simulator::crash::CrashArgs;
use simulator::demo::DemoArgs;
use simulator::provider::ProviderArgs;
use simulator::proxy::ProxyArgs;
use simulator::replay::ReplayArgs;
use simulator::score::{ScoreArgs, SuiteArgs};
use simulator::walk::WalkArgs;
use simulator::{crash, demo, provider, proxy, replay, score, story, walk};
use std::io::Write;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Walks a street so that you need not.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Walk down 16th Street past five cafés, against a real server: one alert, where a naive trigger sends many.
    Demo(DemoArgs),
    /// Walk any track against a running server.
    Walk(WalkArgs),
    /// Run recorded pings through the core, as fast as it goes, and write the transitions.
    Replay(ReplayArgs),
    /// Measure presence: replay suites of pings with known visits, grade what came of it, and print the tables.
    Score(ScoreArgs),
    /// Kill a real server again and again under many walks, and compare what was acked with what arrived.
    Crash(CrashArgs),
    /// Be a push provider that answers slowly, wrongly, with garbage and storms of 429, or hangs up.
    Provider(ProviderArgs),
    /// Be a bad line to a server: stalls, and cuts.
    Proxy(ProxyArgs),
    /// Make a suite up from a seed, and write it.
    Suite(SuiteArgs),
}

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(args.command) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads no further, as `head` does, has what they want.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever closed standard error sees the exit code.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut out = std::io::stdout();
    runtime.block_on(async {
        match command {
            Command::Demo(args) if args.story => story::run(&args, &mut out).await.map(drop),
            Command::Demo(args) => demo::run(&args, &mut out).await.map(drop),
            Command::Walk(args) => walk::run(&args, &mut out).await.map(drop),
            Command::Replay(args) => replay::run(&args)?.print(&mut out),
            Command::Score(args) => score::run(&args, &mut out).map(drop),
            Command::Crash(args) => crash::run(&args, &mut out).await.map(drop),
            Command::Provider(args) => provider::run(&args, &mut out).await,
            Command::Proxy(args) => proxy::run(&args, &mut out).await,
            Command::Suite(args) => score::write_suites(&args, &mut out),
        }
    })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
