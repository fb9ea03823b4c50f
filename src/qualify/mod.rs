//! Transition → verdict: whether a customer hears about a transition now, which campaign speaks, and why the
//! others keep silent.
//!
//! [`CampaignBook`] finds the campaigns that apply. Each of them is put to every policy, one file each, in the
//! order of this list: consent, stop, paused, active window, hours, staleness, topic, channel, audience, journey stage, quiet hours, opening
//! hours, same visit, cooldowns, gap, caps, pace. A
//! transactional campaign is not put to stop, quiet hours, cooldowns and gap. The first refusal is the reason; the others are asked all the same, so that an
//! explanation is complete. Where only hours refuse, a campaign may hold its message until they open. Of the campaigns that pass, the arbiter lets one win, at once or
//! when it has waited a little for others, and the win is written into
//! the customer's [`Ledger`]. Nothing here reads a clock or knows of a store.

mod active;
mod arbiter;
mod asking;
mod audience;
mod book;
mod cap;
mod channel;
mod consent;
mod cooldown;
mod events;
mod gap;
mod hold;
mod holdout;
mod hours;
mod ledger;
mod local;
mod open;
mod pace;
mod past;
mod paused;
mod quiet;
mod same_visit;
mod sheet;
mod stages;
mod stale;
mod stopped;
#[cfg(test)]
mod tests;
mod topic;
mod visits;

pub use audience::Person;
pub use book::CampaignBook;
pub use events::{
    CURRENCIES_MAX, DAY_SUMS_MAX, DAYS_KEPT, DaySum, EVENT_AHEAD_MAX, EVENT_NAMES_MAX, EventRefusal, Events,
    RECENT_MAX, Recorded, Tally,
};
pub use hold::{HELD_MAX, Held, SETTLE_MAX, Settle};
pub use ledger::{Ledger, PaceTaken, SENDS_MAX, Sent};
pub use stages::{AtStage, Deed, JourneyBook, Sending, Stages};
pub use visits::{BRANDS_MAX, BrandVisits, Visits};

use crate::model::{
    Arm, Assessment, Campaign, CampaignId, Channel, Customer, DailySpan, Detail, Metres, Millis, Place, PolicyStep,
    Region, ServerTime, Transition, TriggerId, Verdict, Waits,
};
use arbiter::Candidate;
use asking::{Asking, pass};
use book::Listed;
use local::Local;
use open::Doors;
use past::Past;
use sheet::Sheet;
use std::sync::Arc;

/// One transition that campaigns may want to speak about.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// What happened.
    pub transition: &'a Transition,
    /// Where: the region that the transition names.
    pub region: &'a Region,
    /// The place of that region.
    pub place: &'a Place,
    /// Time from happening to being decided, by server time.
    pub age: Millis,
    /// Distance from the track to the region's edge, negative inside; the smaller, the nearer.
    pub nearness: Metres,
    /// The customer's time zone, an IANA name: that of the device, else that of the place.
    pub zone: &'a str,
    /// The customer's quiet hours, on that clock.
    pub quiet: Option<DailySpan>,
    /// The message that waited for this; absent: it is new, and all campaigns are asked.
    pub held: Option<&'a Held>,
    /// Whether what qualifies waits for others; absent: it does not. The same for all occasions of a question.
    pub settle: Option<Settle>,
    /// What rules ask about.
    pub person: Person<'a>,
    /// Whether the app is in front on the device at hand, and can be spoken to there.
    pub in_app: bool,
}

/// What [`qualify`] answers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Qualified {
    /// One assessment for each campaign that applies to one of the occasions: by occasion, then by campaign id.
    pub assessments: Vec<Assessment>,
    /// What is to be sent; absent when nothing qualified.
    pub winner: Option<Win>,
    /// What is to wait.
    pub holds: Vec<Hold>,
}

/// What is to wait.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    /// The campaign.
    pub campaign: CampaignId,
    /// The index of the occasion.
    pub occasion: usize,
    /// The index of the assessment.
    pub assessment: usize,
    /// When it is to be asked about again.
    pub until: ServerTime,
    /// What it waits for.
    pub waits: Waits,
}

/// What is to be sent. Its budget is reserved in the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Win {
    /// The campaign that speaks.
    pub campaign: Arc<Campaign>,
    /// The index of the occasion that it speaks about.
    pub occasion: usize,
    /// The id of the trigger to be made.
    pub trigger: TriggerId,
    /// In which part of the campaign's experiment the customer is. One who is held out is sent nothing; all else is as
    /// if they were, so that both groups fare alike afterwards.
    pub arm: Arm,
    /// The channels that it is to try, in their order.
    pub channels: Vec<Channel>,
}

/// Asks every policy about every campaign that applies to one of the occasions, lets one win, and reserves its
/// budget in the ledger. The ledger stays as it is when none wins.
///
/// A pure function: the same arguments give the same answer and the same ledger.
pub fn qualify(
    book: &CampaignBook,
    customer: &Customer,
    ledger: &mut Ledger,
    occasions: &[Occasion<'_>],
    now: ServerTime,
) -> Qualified {
    let mut sheet = Sheet::default();
    let mut candidates = Vec::new();
    let mut holds = Vec::new();
    for (index, occasion) in occasions.iter().enumerate() {
        let past = Past::new(ledger, occasion, now);
        let local = Local::new(occasion.zone, now);
        let Place { opening_hours, time_zone, .. } = occasion.place;
        let doors = Doors::new(opening_hours.as_ref(), Local::new(time_zone, now));
        let applying = book.listed(occasion.region, occasion.place, occasion.transition.kind);
        let wanted = |own: &&Listed| occasion.held.is_none_or(|held| held.campaign == own.campaign.id);
        sheet.reserve(applying.size_hint().1.unwrap_or(0));
        for Listed { campaign, topic_default } in applying.filter(wanted) {
            let (assessment, topic_default) = (sheet.len(), *topic_default);
            let (past, local, doors) = (&past, &local, &doors);
            let choices = customer.topics.of(&campaign.topic);
            let asking = Asking { customer, past, local, doors, occasion, campaign, topic_default, choices, now };
            let judge = |steps: &[PolicyStep]| hold::verdict(campaign, steps);
            match sheet.write(campaign, occasion, |steps| ask_all(&asking, steps), judge) {
                None => candidates.push(Candidate { campaign, topic_default, occasion, index, assessment }),
                Some(Verdict::Held { until }) => {
                    let (campaign, until) = (campaign.id.clone(), *until);
                    holds.push(Hold { campaign, occasion: index, assessment, until, waits: Waits::Hours });
                }
                Some(Verdict::Suppressed(_) | Verdict::Qualified(_)) => {}
            }
        }
    }
    if let Some(settle) = arbiter::settles(&candidates) {
        holds.extend(arbiter::gather(candidates, settle, now, &mut sheet));
        return Qualified { assessments: sheet.finish(), winner: None, holds };
    }
    let winner = arbiter::winner(&candidates).map(|best| {
        let Occasion { region, transition, .. } = best.occasion;
        let trigger = TriggerId::derive(&customer.id, &best.campaign.id, &region.id, &transition.visit);
        let arm = best.campaign.measure.arm(&best.campaign.id, &customer.id);
        arbiter::announce(&candidates, best, &trigger, &arm, &mut sheet);
        ledger.reserve(trigger.clone(), best.campaign, best.occasion, now);
        let Candidate { campaign, topic_default, occasion, .. } = *best;
        let channels = channel::route(campaign, customer.topics.of(&campaign.topic), topic_default, occasion.in_app);
        Win { campaign: Arc::clone(campaign), occasion: best.index, trigger, arm, channels }
    });
    Qualified { assessments: sheet.finish(), winner, holds }
}

/// Adds the answer of every policy that has a say on the campaign, in their order.
fn ask_all(asking: &Asking<'_>, steps: &mut Vec<PolicyStep>) {
    // Not `extend`, which costs more than most policies do.
    let add = |steps: &mut Vec<PolicyStep>, step: Option<PolicyStep>| {
        if let Some(step) = step {
            steps.push(step);
        }
    };
    if let Some(held) = asking.occasion.held {
        steps.push(pass("held", Detail::Held { waited: held.waited(asking.now), waits: held.waits }));
    }
    steps.push(consent::ask(asking));
    if !asking.campaign.transactional {
        add(steps, stopped::ask(asking));
    }
    add(steps, paused::ask(asking));
    add(steps, active::ask(asking));
    add(steps, hours::ask(asking));
    steps.push(stale::ask(asking));
    steps.push(topic::ask(asking));
    add(steps, channel::ask(asking));
    add(steps, audience::ask(asking));
    add(steps, stages::ask(asking));
    if !asking.campaign.transactional {
        add(steps, quiet::ask(asking));
    }
    add(steps, open::ask(asking));
    add(steps, same_visit::ask(asking));
    if !asking.campaign.transactional {
        cooldown::ask(asking, steps);
        add(steps, gap::ask(asking));
    }
    cap::ask(asking, steps);
    add(steps, cap::ask_room(asking));
    add(steps, pace::ask(asking));
}
