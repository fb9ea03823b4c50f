//! Transition → verdict: whether a customer hears about a transition now, which campaign speaks, and why the
//! others keep silent.
//!
//! [`CampaignBook`] finds the campaigns that apply. Each of them is put to every policy, one file each, in the
//! order of this list: consent, paused, active window, hours, staleness, topic, audience, journey stage, quiet hours, opening
//! hours, same visit, cooldowns, gap, caps, pace. A
//! transactional campaign is not put to quiet hours, cooldowns and gap. The first refusal is the reason; the others are asked all the same, so that an
//! explanation is complete. Where only hours refuse, a campaign may hold its message until they open. Of the campaigns that pass, the arbiter lets one win, at once or
//! when it has waited a little for others, and the win is written into
//! the customer's [`Ledger`]. Nothing here reads a clock or knows of a store.

mod active;
mod arbiter;
mod asking;
mod audience;
mod book;
mod cap;
mod consent;
mod cooldown;
mod events;
mod gap;
mod hold;
mod hours;
mod ledger;
mod local;
mod open;
mod pace;
mod past;
mod paused;
mod quiet;
mod same_visit;
mod stages;
mod stale;
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
    Assessment, Campaign, CampaignId, Customer, DailySpan, Detail, Metres, Millis, Place, PolicyStep, Reason, Region,
    ServerTime, Transition, TriggerId, Verdict, Waits,
};
use arbiter::Candidate;
use asking::{Asking, pass};
use local::Local;
use open::Doors;
use past::Past;
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
    let mut assessments = Vec::new();
    let mut candidates = Vec::new();
    let mut holds = Vec::new();
    for (index, occasion) in occasions.iter().enumerate() {
        let past = Past::new(ledger, occasion, now);
        let local = Local::new(occasion.zone, now);
        let Place { opening_hours, time_zone, .. } = occasion.place;
        let doors = Doors::new(opening_hours.as_ref(), Local::new(time_zone, now));
        let applying = book.applying(occasion.region, occasion.place, occasion.transition.kind);
        let wanted = |campaign: &&Arc<Campaign>| occasion.held.is_none_or(|held| held.campaign == campaign.id);
        for campaign in applying.filter(wanted) {
            let steps =
                ask_all(&Asking { customer, past: &past, local: &local, doors: &doors, occasion, campaign, now });
            let verdict = hold::verdict(campaign, &steps).unwrap_or_else(|| {
                candidates.push(Candidate { campaign, occasion, index, assessment: assessments.len() });
                // Until the arbiter says otherwise.
                Verdict::Suppressed(Reason::Outranked { by: campaign.id.clone() })
            });
            if let Verdict::Held { until } = verdict {
                let (campaign, assessment) = (campaign.id.clone(), assessments.len());
                holds.push(Hold { campaign, occasion: index, assessment, until, waits: Waits::Hours });
            }
            assessments.push(Assessment {
                campaign: campaign.id.clone(),
                region: occasion.region.id.clone(),
                transition: occasion.transition.kind,
                policies: steps,
                verdict,
            });
        }
    }
    if let Some(settle) = arbiter::settles(&candidates) {
        holds.extend(arbiter::gather(candidates, settle, now, &mut assessments));
        return Qualified { assessments, winner: None, holds };
    }
    let winner = arbiter::winner(&candidates).map(|best| {
        let Occasion { region, transition, .. } = best.occasion;
        let trigger = TriggerId::derive(&customer.id, &best.campaign.id, &region.id, &transition.visit);
        arbiter::announce(&candidates, best, &trigger, &mut assessments);
        ledger.reserve(trigger.clone(), best.campaign, best.occasion, now);
        Win { campaign: Arc::clone(best.campaign), occasion: best.index, trigger }
    });
    Qualified { assessments, winner, holds }
}

/// The answer of every policy that has a say on the campaign, in their order.
fn ask_all(asking: &Asking<'_>) -> Vec<PolicyStep> {
    // Five policies always answer, and the arbiter may add its own.
    let mut steps = Vec::with_capacity(8 + asking.campaign.caps.len());
    if let Some(held) = asking.occasion.held {
        steps.push(pass("held", Detail::Held { waited: held.waited(asking.now), waits: held.waits }));
    }
    steps.push(consent::ask(asking));
    steps.push(paused::ask(asking));
    steps.extend(active::ask(asking));
    steps.extend(hours::ask(asking));
    steps.push(stale::ask(asking));
    steps.push(topic::ask(asking));
    steps.extend(audience::ask(asking));
    steps.extend(stages::ask(asking));
    if !asking.campaign.transactional {
        steps.extend(quiet::ask(asking));
    }
    steps.extend(open::ask(asking));
    steps.push(same_visit::ask(asking));
    if !asking.campaign.transactional {
        steps.extend(cooldown::ask(asking));
        steps.extend(gap::ask(asking));
    }
    steps.extend(cap::ask(asking));
    steps.extend(cap::ask_room(asking));
    steps.extend(pace::ask(asking));
    steps
}
