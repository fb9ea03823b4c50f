//! From days of counts to the figures that people read.

use super::counts::{ArmCounts, DayCounts};
use super::interval::{Clusters, Interval, Sample, difference, relative};
use crate::model::VariantId;
use crate::model::measure::Arm;
use std::collections::BTreeMap;

/// What a campaign did in some days.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// The first and the last of these days on which there was anything; absent: there was nothing.
    pub days: Option<(i32, i32)>,
    /// Visits on which the campaign was asked.
    pub visits: u64,
    /// Why nothing was sent, the most frequent reason first. What is held out is among them.
    pub held_back: Vec<(String, u64)>,
    /// Those who were sent messages.
    pub sent: ArmCounts,
    /// Those who were held out.
    pub held_out: ArmCounts,
    /// What share of the messages led to a conversion; absent without one.
    pub sent_rate: Option<Interval>,
    /// What share of the ghosts did.
    pub held_out_rate: Option<Interval>,
    /// How much more often a conversion followed a message than a ghost; absent without either.
    pub lift: Option<Lift>,
    /// Each variant, by its id.
    pub variants: Vec<VariantReport>,
}

/// What one variant did.
#[derive(Debug, Clone, PartialEq)]
pub struct VariantReport {
    /// The variant.
    pub variant: VariantId,
    /// Those who were sent it.
    pub sent: ArmCounts,
    /// What share of its messages led to a conversion; absent without one.
    pub rate: Option<Interval>,
    /// Against all who were held out, of whatever variant.
    pub lift: Option<Lift>,
    /// Against the first variant; absent of that one.
    pub against_first: Option<Lift>,
}

/// How much more often conversions followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lift {
    /// The difference of the shares.
    pub difference: Interval,
    /// The same in proportion to the share that it is held against; absent where either is 0.
    pub relative: Option<Interval>,
}

impl Report {
    /// How many verdicts came to a message, or would have but for the holdout.
    pub fn qualified(&self) -> u64 {
        self.sent.exposed.saturating_add(self.held_out.exposed)
    }
}

impl ArmCounts {
    /// What share of the customers who bought did so again; absent where none did.
    pub fn first_to_repeat(&self) -> Option<f64> {
        (self.buyers > 0).then(|| self.repeat_buyers as f64 / self.buyers as f64)
    }

    /// How often customers who bought did so; absent where none did.
    pub fn purchase_frequency(&self) -> Option<f64> {
        (self.buyers > 0).then(|| self.conversions as f64 / self.buyers as f64)
    }

    fn clusters(&self) -> Clusters {
        Clusters {
            clusters: self.customers as f64,
            trials: self.exposed as f64,
            successes: self.converted as f64,
            trials_squares: self.exposed_squares as f64,
            successes_squares: self.converted_squares as f64,
            products: self.exposed_by_converted as f64,
        }
    }
}

/// An arm in the days that were asked for, and in all.
#[derive(Default)]
struct Side {
    asked: ArmCounts,
    ever: ArmCounts,
}

impl Side {
    /// How much the visits of a customer resemble each other is taken from all days: the sums of a few of them do not
    /// tell, and a customer has no fewer visits in all.
    fn sample(&self) -> Option<Sample> {
        self.ever.clusters().sample(self.asked.converted, self.asked.exposed)
    }
}

fn lift(of: Option<Sample>, against: Option<Sample>) -> Option<Lift> {
    let (of, against) = (of?, against?);
    Some(Lift { difference: difference(of, against), relative: relative(of, against) })
}

/// The report of the days from the first to the last, both included; absent: without limit. `days` are all that there
/// are of the campaign.
pub fn report(days: &BTreeMap<i32, DayCounts>, first: Option<i32>, last: Option<i32>) -> Report {
    let asked = |day: i32| first.is_none_or(|first| first <= day) && last.is_none_or(|last| day <= last);
    let mut report = Report::default();
    let mut total = DayCounts::default();
    let (mut sent, mut held_out) = (Side::default(), Side::default());
    let mut variants: BTreeMap<VariantId, Side> = BTreeMap::new();
    for (day, counts) in days {
        for (Arm { variant, held_out: out }, own) in &counts.arms {
            let mut sides = vec![if *out { &mut held_out } else { &mut sent }];
            if let Some(variant) = variant.as_ref().filter(|_| !out) {
                sides.push(variants.entry(variant.clone()).or_default());
            }
            for side in sides {
                side.ever.add(own);
                if asked(*day) {
                    side.asked.add(own);
                }
            }
        }
        if asked(*day) {
            report.days = Some((report.days.map_or(*day, |(first, _)| first), *day));
            total.add(&DayCounts { arms: BTreeMap::new(), ..counts.clone() });
        }
    }
    report.visits = total.visits;
    report.held_back = total.held_back.into_iter().collect();
    report.held_back.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    report.sent_rate = sent.sample().map(Sample::wilson);
    report.held_out_rate = held_out.sample().map(Sample::wilson);
    report.lift = lift(sent.sample(), held_out.sample());
    let first_sample = variants.values().next().and_then(Side::sample);
    report.variants = variants
        .into_iter()
        .enumerate()
        .map(|(index, (variant, side))| VariantReport {
            variant,
            rate: side.sample().map(Sample::wilson),
            lift: lift(side.sample(), held_out.sample()),
            against_first: if index == 0 { None } else { lift(side.sample(), first_sample) },
            sent: side.asked,
        })
        .collect();
    (report.sent, report.held_out) = (sent.asked, held_out.asked);
    report
}
