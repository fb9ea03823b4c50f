//! Scores as tables: one for each directory, one for all seeds of a kind.

use super::Scored;
use crate::grade::{Figure, Form};
use crate::suite::Kind;
use anyhow::Result;
use std::fmt::Write as _;
use std::io::Write;

/// A table of figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What was scored.
    pub title: String,
    /// How much of it there was.
    pub note: String,
    /// What stands above the columns after the name.
    pub columns: Vec<Column>,
    /// A figure each.
    pub rows: Vec<Row>,
}

/// A column.
pub type Column = &'static str;

/// A figure, written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it counts.
    pub name: &'static str,
    /// A cell for each column.
    pub cells: Vec<String>,
    /// Whether the goal is met, where there is one.
    pub met: Option<bool>,
}

/// The tables of scores, in their order.
pub fn tables(scored: &[Scored]) -> Vec<Table> {
    let single = scored.iter().filter(|one| one.seed.is_none()).map(of_one);
    let kinds = Kind::ALL.into_iter().filter_map(|kind| {
        let of_kind: Vec<&Scored> = scored.iter().filter(|one| one.seed.is_some() && one.kind == kind).collect();
        match of_kind.as_slice() {
            [] => None,
            [one] => Some(of_one(one)),
            many => Some(of_many(kind, many)),
        }
    });
    single.chain(kinds).collect()
}

fn of_one(scored: &Scored) -> Table {
    let rows = scored.graded.grade.figures().into_iter().map(|figure| {
        let goal = figure.goal.map(|goal| goal.write(figure.form)).unwrap_or_default();
        let cells = vec![figure.form.write(figure.value), goal];
        Row { name: figure.name, cells, met: figure.goal.map(|goal| goal.met(figure.value)) }
    });
    Table {
        title: scored.name.clone(),
        note: note(&[scored]),
        columns: vec!["measured", "goal"],
        rows: rows.collect(),
    }
}

fn of_many(kind: Kind, scored: &[&Scored]) -> Table {
    let all: Vec<Vec<Figure>> = scored.iter().map(|one| one.graded.grade.figures()).collect();
    let first = all.first().cloned().unwrap_or_default();
    let rows = first.iter().enumerate().map(|(index, figure)| {
        let of_all: Vec<Figure> = all.iter().filter_map(|figures| figures.get(index)).copied().collect();
        row(figure, &of_all)
    });
    let seed = |one: Option<&&Scored>| one.and_then(|one| one.seed).unwrap_or_default();
    Table {
        title: format!("{kind}, seeds {} to {}", seed(scored.first()), seed(scored.last())),
        note: note(scored),
        columns: vec!["mean", "worst", "goal", "reached by"],
        rows: rows.collect(),
    }
}

/// A figure over several suites of a kind.
fn row(figure: &Figure, all: &[Figure]) -> Row {
    let values: Vec<f64> = all.iter().map(|figure| figure.value).filter(|value| !value.is_nan()).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    // The mean of counts is no count.
    let mean = if figure.form == Form::Count { format!("{mean:.1}") } else { figure.form.write(mean) };
    let Some(goal) = figure.goal else {
        return Row { name: figure.name, cells: vec![mean, String::new(), String::new(), String::new()], met: None };
    };
    let short = |figure: &Figure| figure.goal.map_or(f64::NAN, |goal| goal.short_by(figure.value));
    let known = all.iter().filter(|figure| !figure.value.is_nan());
    let worst = known.max_by(|a, b| short(a).total_cmp(&short(b))).unwrap_or(figure);
    let met = all.iter().filter(|figure| figure.goal.is_none_or(|goal| goal.met(figure.value))).count();
    // A goal may depend on the suite, as the number of stays does: then the worst one comes with its own.
    let same = all.iter().all(|figure| figure.goal == Some(goal));
    let (shown, beside) = match worst.goal.filter(|_| !same) {
        Some(own) => ("varies".to_owned(), format!(" ({})", own.write(figure.form))),
        None => (goal.write(figure.form), String::new()),
    };
    let reached = format!("{met} of {}", all.len());
    let cells = vec![mean, figure.form.write(worst.value) + &beside, shown, reached];
    Row { name: figure.name, cells, met: Some(met == all.len()) }
}

fn note(scored: &[&Scored]) -> String {
    let sum = |what: fn(&Scored) -> u64| scored.iter().map(|one| what(one)).sum::<u64>();
    let devices = sum(|one| one.figures.devices as u64);
    let pings = sum(|one| one.figures.pings + one.figures.refused);
    let refused = match sum(|one| one.figures.refused) {
        0 => String::new(),
        refused => format!(", {refused} of them refused"),
    };
    let suites = if scored.len() > 1 { format!("{} suites, ", scored.len()) } else { String::new() };
    format!("{suites}{devices} phones, {pings} pings{refused}{}", pace(scored, pings))
}

/// What a ping cost. Of a debug build that says nothing.
fn pace(scored: &[&Scored], pings: u64) -> String {
    if cfg!(debug_assertions) {
        return String::new();
    }
    let seconds: f64 = scored.iter().map(|one| one.figures.seconds).sum();
    format!(", {:.0} ns a ping", seconds * 1e9 / pings.max(1) as f64)
}

impl Table {
    /// Prints the table, aligned. A figure that misses its goal is marked.
    pub fn print(&self, out: &mut dyn Write) -> Result<()> {
        writeln!(out, "{}: {}", self.title, self.note)?;
        let width = |index: usize| {
            let cells = self.rows.iter().filter_map(|row| row.cells.get(index));
            let least = self.columns.get(index).map_or(0, |column| column.chars().count());
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default().max(least)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let name = self.rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
        let mut line = |first: &str, cells: &[&str], mark: &str| {
            let mut text = format!("  {first:<name$}");
            for (cell, width) in cells.iter().zip(&widths) {
                let _ = write!(text, "  {cell:>width$}");
            }
            writeln!(out, "{}", format!("{text}  {mark}").trim_end())
        };
        line("", &self.columns, "")?;
        for row in &self.rows {
            let cells: Vec<&str> = row.cells.iter().map(String::as_str).collect();
            let mark = match row.met {
                Some(true) => "ok",
                Some(false) => "MISSED",
                None => "",
            };
            line(row.name, &cells, mark)?;
        }
        Ok(())
    }
}
