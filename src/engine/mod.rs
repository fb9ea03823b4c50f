//! The four steps composed: locate, observe presence, qualify, decide.
//!
//! [`Engine::observe`] is a pure function of the catalogue, the customer's state, the ping and the server's
//! time. Pings are decided in the order of their numbers, and what is due when no ping comes is done by
//! [`Engine::tick`]. The same engine runs inside the server, the simulator and the tests, and answers the same in each.

mod clock;
mod holds;
mod journeys;
mod manners;
mod order;
mod sequences;
mod speak;
mod state;
#[cfg(test)]
mod tests;
mod visits;

pub use clock::DeviceClock;
pub use manners::Manners;
pub use order::{Order, WAIT_MAX, WAITING_MAX, Waiting};
pub use sequences::Sequences;
pub use state::{CustomerState, DeviceState};

use crate::locate::{Atlas, Site, Zones};
use crate::message::MessageBook;
use crate::model::{
    Assessment, DailySpan, Decision, DecisionId, Device, DeviceId, DeviceTime, FixOutcome, FixStep, Metres, Millis,
    Ping, Position, ReportAdvice, Sequence, ServerTime, Transition, Trigger,
};
use crate::presence::{self, Asks, DevicePresence, PresenceConfig, Seen};
use crate::qualify::{self, CampaignBook, JourneyBook, Occasion, Person};
use crate::report::Note;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How far a device's clock may run ahead of the server's before its pings are refused.
pub const AHEAD_MAX: Millis = Millis::from_mins(2);
/// How old a ping may be.
pub const AGE_MAX: Millis = Millis::from_days(30);
/// Most regions that a decision lists.
pub const REGION_STEPS_MAX: usize = 32;
/// Most assessments that a decision keeps; all are made, and the rest are counted.
pub const ASSESSMENTS_MAX: usize = 256;

/// What campaigns apply where: an immutable snapshot, swapped as a whole.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// Places and regions.
    pub atlas: Atlas,
    /// Campaigns.
    pub campaigns: CampaignBook,
    /// Journeys.
    pub journeys: JourneyBook,
    /// Sensitive places. The atlas holds no region that shares ground with one.
    pub zones: Arc<Zones>,
    /// What campaigns say.
    pub messages: MessageBook,
}

/// The decision engine over one snapshot of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Engine<'a> {
    /// What applies where.
    pub catalogue: &'a Catalogue,
    /// How presence is decided.
    pub presence: &'a PresenceConfig,
    /// What the deployment decides for all customers.
    pub manners: Manners,
    /// Those of the customer's devices that can be spoken to in the app at this moment: they have a stream open.
    pub open: &'a BTreeSet<DeviceId>,
}

/// No device has a stream open.
pub static NONE_OPEN: BTreeSet<DeviceId> = BTreeSet::new();
/// How long after a ping that came from an app in front it is taken to be there.
pub const IN_FRONT_MAX: Millis = Millis::from_mins(2);

/// The answer to one ping.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed {
    /// The ping was kept. What it led to, and the pings that had waited for it, in their order; nothing yet when it
    /// waits for an earlier one.
    Kept(Vec<Outcome>),
    /// The ping was kept by its number alone, since it may come from a sensitive place: nothing was decided on it, and
    /// where the device was is forgotten. What else was due.
    Hushed(Vec<Outcome>),
    /// The ping was refused, and changed nothing.
    Refused(Refusal),
}

/// What a kept ping led to, or the silence after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Every step, for the record.
    pub decision: Decision,
    /// The one message that qualified, if any.
    pub trigger: Option<Trigger>,
    /// What it adds to the reports of campaigns.
    pub notes: Vec<Note>,
    /// Where the track is after the ping; for traces only.
    pub track: Option<Position>,
    /// Where the ping's fix was; for traces only.
    pub fix: Option<Position>,
    /// How many sightings the ping had.
    pub sightings: usize,
}

/// Why a ping was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Observed more than [`AHEAD_MAX`] ahead of the server's time.
    FromTheFuture {
        /// How far ahead.
        ahead: Millis,
    },
    /// Observed more than [`AGE_MAX`] ago.
    TooOld {
        /// How long ago.
        age: Millis,
    },
    /// Its sequence number was kept before.
    Duplicate,
    /// The customer does not consent to being located.
    NoConsent,
}

impl Engine<'_> {
    /// Takes one ping of one of the customer's devices, and decides it when its turn has come. A device that the
    /// customer does not have counts as one without consent.
    pub fn observe(&self, state: &mut CustomerState, device: &DeviceId, ping: &Ping, now: ServerTime) -> Observed {
        let consents = state.customer.consents(now);
        let Some(own) = state.devices.get_mut(device) else { return Observed::Refused(Refusal::NoConsent) };
        if let Some(refusal) = refuse(own, consents, ping, now) {
            own.order.skip(ping.sequence.0);
            return Observed::Refused(refusal);
        }
        own.kept.insert(ping.sequence);
        own.clock.observe(ping.observed, now);
        let mut outcomes = Vec::new();
        if self.is_sensitive(ping) {
            hush(state, device, ping);
            self.ask_again(state, now, &mut outcomes);
            return Observed::Hushed(outcomes);
        }
        own.see_app(ping, now);
        if own.order.admit(ping, now) {
            outcomes.extend(self.decide(state, device, ping, now));
        }
        self.release(state, device, now, &mut outcomes);
        self.ask_again(state, now, &mut outcomes);
        Observed::Kept(outcomes)
    }

    /// Passes over a number whose ping was refused before it came here, so that no later ping waits for it. Gives the
    /// outcomes of pings that did.
    pub fn skip(
        &self,
        state: &mut CustomerState,
        device: &DeviceId,
        sequence: Sequence,
        now: ServerTime,
    ) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        if let Some(own) = state.devices.get_mut(device) {
            own.order.skip(sequence.0);
            self.release(state, device, now, &mut outcomes);
        }
        outcomes
    }

    /// When a device should report next; nothing when nothing is known of its whereabouts.
    pub fn advice(&self, state: &CustomerState, device: &DeviceId) -> Option<ReportAdvice> {
        presence::advice(self.presence, &self.catalogue.atlas, &state.devices.get(device)?.presence)
    }

    /// Does what is due by now although no ping came: decides pings that have waited long enough, takes the silence of
    /// devices as what it is, and asks again about messages that waited. Nothing is due before [`Engine::due`].
    pub fn tick(&self, state: &mut CustomerState, now: ServerTime) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        if !state.customer.consents(now) {
            return outcomes;
        }
        let devices: Vec<DeviceId> = state.devices.keys().cloned().collect();
        for device in devices {
            self.release(state, &device, now, &mut outcomes);
            let Some(own) = state.devices.get_mut(&device).filter(|own| own.order.waiting.is_empty()) else {
                continue;
            };
            // Silence is what the server hears, so that a backlog that comes late has been no silence.
            let Some(latest) = own.presence.latest else { continue };
            let until = latest + (now - own.clock.until);
            let atlas = &self.catalogue.atlas;
            let transitions = presence::advance(self.presence, atlas, &device, &mut own.presence, until);
            if !transitions.is_empty() {
                let seen = Seen { transitions, ..Seen::default() };
                outcomes.push(self.conclude(state, &device, None, until, seen, now));
            }
        }
        self.ask_again(state, now, &mut outcomes);
        outcomes
    }

    /// When [`Engine::tick`] or [`CustomerState::lapse`] has something to do next, if no ping comes before.
    pub fn due(&self, state: &CustomerState) -> Option<ServerTime> {
        let of_device = |own: &DeviceState| {
            own.order.due().or_else(|| {
                let due = presence::due(self.presence, &self.catalogue.atlas, &own.presence)?;
                Some(own.clock.until + (due - own.presence.latest?))
            })
        };
        let granted = state.customer.consent.as_ref().is_some_and(|consent| consent.granted);
        if granted && !state.lapsed {
            let own = state.devices.values().filter_map(of_device).chain(Self::held_until(state));
            own.chain(state.lapses()).min()
        } else {
            None
        }
    }

    /// Decides the pings whose turn has come.
    fn release(&self, state: &mut CustomerState, device: &DeviceId, now: ServerTime, outcomes: &mut Vec<Outcome>) {
        while let Some(ping) = state.devices.get_mut(device).and_then(|own| own.order.release(now)) {
            outcomes.extend(self.decide(state, device, &ping, now));
        }
    }

    /// Whether a ping may come from a sensitive place.
    fn is_sensitive(&self, ping: &Ping) -> bool {
        !self.catalogue.zones.is_empty() && ping.fix.is_some_and(|fix| self.catalogue.zones.may_hold(&fix))
    }

    /// Decides one ping whose turn it is.
    fn decide(&self, state: &mut CustomerState, device: &DeviceId, ping: &Ping, now: ServerTime) -> Option<Outcome> {
        // The place may have become sensitive while the ping waited.
        if self.is_sensitive(ping) {
            hush(state, device, ping);
            return None;
        }
        let own = state.devices.get_mut(device)?;
        let atlas = &self.catalogue.atlas;
        let book = &self.catalogue.campaigns;
        let asked = |site: &Site, kind| book.applying(&site.region, &site.place, kind).next().is_some();
        let asks: Option<Asks<'_>> = if book.looks_around() { Some(&asked) } else { None };
        let live = own.presence.latest.is_none_or(|latest| ping.observed >= latest);
        let seen = if live {
            let seen = presence::observe(self.presence, atlas, device, &mut own.presence, ping, asks);
            // What is long past is of no more use for judging the past.
            let recent = |past: DeviceTime| (ping.observed - past).as_secs_f64() < self.presence.lapse_s;
            if own.history.latest.is_some_and(|past| !recent(past)) {
                own.history = DevicePresence::default();
            }
            seen
        } else {
            let mut seen = presence::observe(self.presence, atlas, device, &mut own.history, ping, None);
            seen.transitions.retain(|transition| !own.presence.knows(&transition.region, transition.happened));
            seen.transitions.iter_mut().for_each(|transition| transition.belated = true);
            seen.fix = seen.fix.map(|fix| FixStep { outcome: FixOutcome::Late, ..fix });
            seen
        };
        Some(self.conclude(state, device, Some(ping), ping.observed, seen, now))
    }

    /// Lets the policies judge what presence saw, and writes it down.
    fn conclude(
        &self,
        state: &mut CustomerState,
        device: &DeviceId,
        ping: Option<&Ping>,
        observed: DeviceTime,
        seen: Seen,
        now: ServerTime,
    ) -> Outcome {
        let sequence = ping.map_or(Sequence(0), |ping| ping.sequence);
        let id = DecisionId::derive(now, sequence, device);
        let behind = state.devices.get(device).map_or(Millis(0), |own| own.clock.behind());
        self.count_visits(state, device, &seen, now, behind);
        let zone = state.devices.get(device).and_then(|own| own.device.time_zone.as_deref());
        let quiet = self.manners.quiet_hours_of(&state.customer);
        let devices: Vec<&Device> = state.devices.get(device).map(|own| &own.device).into_iter().collect();
        let person =
            Person { devices: &devices, events: &state.events, visits: &state.visits, stages: &state.stages };
        let mut occasions = self.occasions(&seen, now, behind, zone, quiet);
        let settle = self.settle(&state.held, now);
        let in_app = self.is_in_front(state, device, now);
        for occasion in &mut occasions {
            (occasion.settle, occasion.person, occasion.in_app) = (settle, person, in_app);
        }
        let mut notes = Vec::new();
        let (campaigns, ledger) = (&self.catalogue.campaigns, &mut state.ledger);
        let mut answer = qualify::qualify(campaigns, &state.customer, ledger, &occasions, now);
        let trigger = self.speak(&mut answer, &occasions, (&state.customer, &mut state.ledger), device, &id, now);
        if let Some((win, occasion)) =
            answer.winner.as_ref().and_then(|win| Some((win, occasions.get(win.occasion)?)))
        {
            notes.extend(state.exposures.expose(holds::exposure(win, occasion, now)));
        }
        let held = holds::keep(&state.held, device, &occasions, &mut answer, now);
        let mut assessments = holds::end_visits(&mut state.held, device, &seen.transitions, now);
        assessments.append(&mut answer.assessments);
        state.held.extend(held);
        self.lead_on(&mut state.stages, answer.winner.as_ref(), now);
        self.move_on(state, device, &seen, now, behind);
        notes.extend(Note::assessed(&assessments, now));
        let left_out = shorten(&mut assessments);
        let mut regions = seen.regions;
        // No two have the same id, so that the order is whole.
        regions.sort_unstable_by(|a, b| a.distance.0.total_cmp(&b.distance.0).then_with(|| a.region.cmp(&b.region)));
        regions.truncate(REGION_STEPS_MAX);
        let decision = Decision {
            id,
            customer: state.customer.id.clone(),
            device: device.clone(),
            sequence,
            observed,
            decided: now,
            fix: seen.fix,
            regions,
            transitions: seen.transitions,
            assessments,
            left_out,
        };
        Outcome {
            decision,
            trigger,
            notes,
            track: seen.track,
            fix: ping.and_then(|ping| ping.fix).map(|fix| fix.position),
            sightings: ping.map_or(0, |ping| ping.sightings.len()),
        }
    }

    /// What campaigns may want to speak about: the transitions of regions that are still there.
    fn occasions<'s>(
        &'s self,
        seen: &'s Seen,
        now: ServerTime,
        behind: Millis,
        zone: Option<&'s str>,
        quiet: Option<DailySpan>,
    ) -> Vec<Occasion<'s>> {
        let occasion = |transition: &'s Transition| {
            let site = self.catalogue.atlas.site(&transition.region)?;
            Some(Occasion {
                transition,
                region: &site.region,
                place: &site.place,
                // By the device's clock, as far as its error is known.
                age: Millis(now.0.saturating_sub(transition.happened.0).saturating_sub(behind.0).max(0)),
                nearness: seen
                    .regions
                    .iter()
                    .find(|step| step.region == transition.region)
                    .map_or(Metres(0.0), |step| step.distance),
                zone: zone.unwrap_or(&site.place.time_zone),
                quiet,
                held: None,
                settle: None,
                person: Person::UNKNOWN,
                in_app: false,
            })
        };
        seen.transitions.iter().filter_map(occasion).collect()
    }
}

/// Forgets where a device is and was, so that nothing can be derived from before and after a ping: its track, its
/// visits, without an exit, its pings that wait, and messages that wait for its visits. What comes late and was observed
/// before the ping counts for nothing, as it would tell of the same way.
fn hush(state: &mut CustomerState, device: &DeviceId, ping: &Ping) {
    let Some(own) = state.devices.get_mut(device) else { return };
    let latest = own.presence.latest.max(Some(ping.observed));
    own.presence = DevicePresence { latest, ..DevicePresence::default() };
    own.history = own.presence.clone();
    own.order.pass(ping.sequence.0);
    state.held.retain(|held| held.device != *device);
}

/// Keeps a decision small enough to be stored, whatever the number of campaigns: the one that qualified stays, and
/// so do those that wait, and the first of the others. Returns how many do not.
fn shorten(assessments: &mut Vec<Assessment>) -> u32 {
    let left_out = assessments.len().saturating_sub(ASSESSMENTS_MAX);
    if left_out > 0 {
        // A stable sort: the rest stay in their order.
        assessments.sort_by_key(|assessment| assessment.verdict.kind());
        assessments.truncate(ASSESSMENTS_MAX);
    }
    u32::try_from(left_out).unwrap_or(u32::MAX)
}

fn refuse(device: &DeviceState, consents: bool, ping: &Ping, now: ServerTime) -> Option<Refusal> {
    let lag = Millis(now.0.saturating_sub(ping.observed.0));
    if !consents {
        Some(Refusal::NoConsent)
    } else if device.kept.contains(ping.sequence) {
        Some(Refusal::Duplicate)
    } else if lag.0 < -AHEAD_MAX.0 {
        Some(Refusal::FromTheFuture { ahead: Millis(-lag.0) })
    } else if lag > AGE_MAX {
        Some(Refusal::TooOld { age: lag })
    } else {
        None
    }
}

#[cfg(test)]
mod shortening {
    use super::*;
    use crate::model::Verdict;
    use crate::model::{CampaignId, Reason, RegionId, TransitionKind, TriggerId};

    #[test]
    fn a_decision_keeps_its_winner_and_counts_what_it_leaves_out() {
        let assessment = |n: usize| Assessment {
            campaign: CampaignId::parse("", &format!("c{n}")).unwrap(),
            region: RegionId::parse("", "door").unwrap(),
            transition: TransitionKind::Enter,
            policies: Vec::new().into(),
            verdict: match n {
                999 => Verdict::Qualified(TriggerId::parse("", "t").unwrap()),
                _ => Verdict::Suppressed(Reason::Paused),
            },
        };
        let mut few: Vec<Assessment> = (0..3).map(assessment).collect();
        assert_eq!((shorten(&mut few), few.len()), (0, 3));
        let mut many: Vec<Assessment> = (0..1_000).map(assessment).collect();
        assert_eq!(shorten(&mut many), 744);
        let kept: Vec<&str> = many.iter().map(|assessment| assessment.campaign.as_str()).collect();
        assert_eq!((kept.len(), kept[0], kept[1], kept[255]), (256, "c999", "c0", "c254"));
    }
}
