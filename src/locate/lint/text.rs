//! Findings as sentences.

use super::{Expectation, Finding, Kind, Kinship, PASS_WITHIN, Severity, VISIT_S};
use crate::model::Metres;
use std::fmt;

/// Shares below this are shown as less than it.
const LEAST: f64 = 0.01;

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Warning => "warning",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.region, self.kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sensitive { zone } => {
                write!(f, "shares ground with the sensitive place {zone}, where nothing is decided: it keeps silent")
            }
            Self::TooSmall { inscribed, is_circle, expectation, better, better_missed_visits } => {
                if *is_circle {
                    write!(f, "a circle of {inscribed}")?;
                } else {
                    write!(f, "a fence {} across at its widest", Metres(2.0 * inscribed.0))?;
                }
                let Expectation { surroundings, missed_visits, missed_walks, false_enters } = expectation;
                let (visits, walks) = (Percent(*missed_visits), Percent(*missed_walks));
                write!(
                    f,
                    " is small {surroundings}: expect to miss {visits} of {VISIT_S} s visits, {walks} of walks"
                )?;
                write!(f, " through, and {:.0} false enters per 1,000 passers-by", 1_000.0 * false_enters)?;
                write!(f, " within {PASS_WITHIN}; ")?;
                if *is_circle {
                    write!(f, "{better}")?;
                } else {
                    write!(f, "{} across", Metres(2.0 * better.0))?;
                }
                write!(f, " would miss {} of the visits", Percent(*better_missed_visits))
            }
            Self::TooLarge { across } => {
                write!(
                    f,
                    "{} across: an enter says that somebody is around, not that they are at a door",
                    Span(*across)
                )
            }
            Self::NarrowHole { across } => {
                write!(
                    f,
                    "a hole {} across is narrower than GPS can tell: who is in it may count as inside",
                    Span(*across)
                )
            }
            Self::Overlaps { other, kinship, share } => {
                let share = Percent(*share);
                match kinship {
                    Kinship::SamePlace => write!(
                        f,
                        "and {other} of the same place share {share} of the smaller one's ground: one visit enters both; \
                         make them one region, or draw them apart"
                    ),
                    Kinship::SameBrand => write!(
                        f,
                        "and {other} of the same brand share {share} of the smaller one's ground: one visit enters both, \
                         and which store is named is chance"
                    ),
                }
            }
            Self::Nested { outer, kinship, size } => {
                let whose = match kinship {
                    Kinship::SamePlace => "of the same place",
                    Kinship::SameBrand => "another place of the brand",
                };
                let size = Percent(*size);
                write!(f, "lies within {outer}, {whose}, and fills {size} of it: who enters it is in both")
            }
            Self::Confusable { other, share, .. } if *share >= LEAST => {
                let share = Percent(*share);
                write!(
                    f,
                    "and {other} of another brand share {share} of the smaller one's ground: who visits one enters both"
                )
            }
            Self::Confusable { other, gap, .. } => {
                let apart = if gap.0 < 1.0 { "touches".to_owned() } else { format!("is {} from", Span(*gap)) };
                write!(
                    f,
                    "{apart} {other} of another brand, nearer than GPS can tell: who visits one may enter the other"
                )
            }
            Self::Crowded { others } => {
                write!(f, "meets {others} fences that are too near; only the worst are listed")
            }
            Self::SameBeacon { other, others } => {
                write!(f, "listens for the same beacons as {other} of another place")?;
                if *others > 1 {
                    write!(f, ", and as {} more", others - 1)?;
                }
                write!(f, ": who hears one is in all of them; give each place a minor or major value of its own")
            }
        }
    }
}

/// A probability or a share in percent.
struct Percent(f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < LEAST { f.write_str("less than 1 %") } else { write!(f, "{:.0} %", 100.0 * self.0) }
    }
}

/// A length in metres, or in kilometres from one on.
struct Span(Metres);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.0 < 1_000.0 { write!(f, "{}", self.0) } else { write!(f, "{:.1} km", self.0.0 / 1_000.0) }
    }
}
