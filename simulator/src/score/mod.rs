//! Scores suites: replays them, grades what came of it, and prints the tables.

mod table;

use crate::generate::generate;
use crate::grade::{Graded, grade};
use crate::replay::{Figures, replay};
use crate::report::{self, Recorder};
use crate::suite::{Kind, Suite};
use anyhow::{Context, Result, bail, ensure};
use doorstep::engine::Outcome;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

pub use table::{Column, Row, Table, tables};

/// Most seeds of one call.
const SEEDS_MAX: u64 = 10_000;

/// What to score.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ScoreArgs {
    /// Directories of suites, as `simulator suite` writes them.
    #[arg(value_name = "SUITE_DIR")]
    pub suites: Vec<PathBuf>,
    /// Suites to make up and score, without any files; several kinds with commas between them.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND")]
    pub generate: Vec<Kind>,
    /// The seeds of the suites that are made up: one, or a range such as 1..20, both ends included.
    #[arg(long, default_value = "1", value_name = "SEEDS")]
    pub seed: Seeds,
    /// End with one line of JSON.
    #[arg(long)]
    pub json: bool,
    /// Write a page to look at: the tables, and the phones with which most went wrong.
    #[arg(long, value_name = "HTML")]
    pub report: Option<PathBuf>,
}

/// Which suite to make up.
#[derive(Debug, Clone, clap::Args)]
pub struct SuiteArgs {
    /// What it measures.
    #[arg(value_enum)]
    pub kind: Kind,
    /// Where to write it: a directory for each seed, such as `walk_7`, is made in there.
    pub out_dir: PathBuf,
    /// The seed, or a range such as 1..20, both ends included.
    #[arg(long, default_value = "7", value_name = "SEEDS")]
    pub seed: Seeds,
}

/// One seed, or a range of seeds with both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seeds {
    first: u64,
    last: u64,
}

impl Default for Seeds {
    fn default() -> Self {
        Self { first: 1, last: 1 }
    }
}

impl FromStr for Seeds {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let number = |text: &str| text.trim_start_matches('=').parse::<u64>();
        let (Ok(first), Ok(last)) = (number(first), number(last)) else {
            bail!("must be a seed, or a range of seeds such as 1..20");
        };
        ensure!(first <= last && last - first < SEEDS_MAX, "must be a range of 1 to {SEEDS_MAX} seeds");
        Ok(Self { first, last })
    }
}

impl Seeds {
    /// The seeds, the least first.
    pub fn iter(self) -> impl Iterator<Item = u64> {
        self.first..=self.last
    }
}

/// A suite, scored.
#[derive(Debug, Clone)]
pub struct Scored {
    /// What the suite is called.
    pub name: String,
    /// What it measures.
    pub kind: Kind,
    /// The seed that it was made up from.
    pub seed: Option<u64>,
    /// What the replay came to.
    pub figures: Figures,
    /// What it is worth.
    pub graded: Graded,
}

#[derive(Serialize)]
struct Lines<'a> {
    suites: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    suite: &'a str,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    devices: usize,
    pings: u64,
    refused: u64,
    transitions: u64,
    ns_per_ping: f64,
    goals_met: bool,
    grade: &'a crate::grade::Grade,
}

/// Replays a suite and grades it. Who records sees every ping.
pub fn score(suite: &Suite, seed: Option<u64>, recorder: Option<&mut Recorder>) -> Result<Scored> {
    let subject = || format!("cannot score suite {}", suite.name);
    let catalogue = suite.catalogue()?;
    let arrivals = suite.arrivals();
    let (figures, transitions) = match recorder {
        Some(recorder) => replay(&catalogue, &arrivals, Some(&mut |outcome: &Outcome| recorder.record(outcome))),
        None => replay(&catalogue, &arrivals, None),
    }
    .with_context(subject)?;
    let graded = grade(suite, &transitions);
    Ok(Scored { name: suite.name.clone(), kind: suite.kind, seed, figures, graded })
}

/// Scores all that the arguments ask for, and prints the tables.
pub fn run(args: &ScoreArgs, out: &mut dyn Write) -> Result<Vec<Scored>> {
    ensure!(
        !args.suites.is_empty() || !args.generate.is_empty(),
        "nothing to score: name a directory, or make suites up with --generate walk --seed 1..20"
    );
    let mut scored = Vec::new();
    let mut panels = report::Panels::default();
    let mut one = |suite: &Suite, seed: Option<u64>| -> Result<()> {
        let mut recorder = args.report.as_ref().map(|_| Recorder::default());
        let result = score(suite, seed, recorder.as_mut())?;
        if let Some(recorder) = recorder {
            panels.add_suite(suite, &result, recorder);
        }
        scored.push(result);
        Ok(())
    };
    for folder in &args.suites {
        one(&Suite::read(folder)?, None)?;
    }
    for kind in &args.generate {
        for seed in args.seed.iter() {
            one(&generate(*kind, seed)?, Some(seed))?;
        }
    }
    let tables = tables(&scored);
    for (index, table) in tables.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        table.print(out)?;
    }
    if let Some(path) = &args.report {
        report::write(path, &report::score_page(&tables, panels))?;
        writeln!(out, "\nA page to look at: {}", path.display())?;
    }
    if args.json {
        let lines = Lines { suites: scored.iter().map(line).collect() };
        writeln!(out, "{}", serde_json::to_string(&lines)?)?;
    }
    Ok(scored)
}

/// Makes suites up and writes them.
pub fn write_suites(args: &SuiteArgs, out: &mut dyn Write) -> Result<()> {
    for seed in args.seed.iter() {
        let suite = generate(args.kind, seed)?;
        let folder = args.out_dir.join(&suite.name);
        suite.write(&folder)?;
        writeln!(
            out,
            "{}: {} readings, {} regions, {} true visits",
            folder.display(),
            suite.reports.len(),
            suite.fences.len() + suite.beacons.len(),
            suite.visits.len()
        )?;
    }
    Ok(())
}

fn line(scored: &Scored) -> Line<'_> {
    let figures = scored.graded.grade.figures();
    Line {
        suite: &scored.name,
        kind: scored.kind,
        seed: scored.seed,
        devices: scored.figures.devices,
        pings: scored.figures.pings,
        refused: scored.figures.refused,
        transitions: scored.figures.transitions,
        ns_per_ping: scored.figures.nanos_per_ping().round(),
        goals_met: figures.iter().all(|figure| figure.goal.is_none_or(|goal| goal.met(figure.value))),
        grade: &scored.graded.grade,
    }
}

#[cfg(test)]
mod tests;
