//! Messages that wait: until hours open, or until it is clear what else there is to say.
//!
//! They are part of the customer's record, and so is when they are asked about again: a restart changes nothing. What
//! waits for hours ends with its visit.

use super::{CustomerState, Engine, Outcome};
use crate::model::{
    Assessment, DailySpan, Decision, DecisionId, Detail, Device, DeviceId, Millis, PolicyStep, Reason, Sequence,
    ServerTime, Transition, TransitionKind, Verdict, Waits,
};
use crate::qualify::{self, HELD_MAX, Held, Hold, Occasion, Person, Qualified, SETTLE_MAX, Settle, Win};
use crate::report::{Exposure, Note};
use std::collections::{BTreeMap, BTreeSet};

impl Engine<'_> {
    /// Asks anew about what has waited long enough.
    pub(super) fn ask_again(&self, state: &mut CustomerState, now: ServerTime, outcomes: &mut Vec<Outcome>) {
        if state.held.iter().all(|held| held.until > now) {
            return;
        }
        let (due, rest): (Vec<Held>, Vec<Held>) =
            std::mem::take(&mut state.held).into_iter().partition(|held| held.until <= now);
        state.held = rest;
        let (due, gone): (Vec<Held>, Vec<Held>) = due.into_iter().partition(|held| self.ends(state, held).is_none());
        let why = |held: &Held| Some(ended(held, self.ends(state, held)?, now));
        let mut assessments: Vec<Assessment> = gone.iter().filter_map(why).collect();
        let in_front: BTreeSet<DeviceId> =
            state.devices.keys().filter(|device| self.is_in_front(state, device, now)).cloned().collect();
        let CustomerState { customer, devices, ledger, events, visits, stages, exposures, .. } = &mut *state;
        let devices: BTreeMap<&DeviceId, [&Device; 1]> =
            devices.iter().map(|(id, own)| (id, [&own.device])).collect();
        let quiet = self.manners.quiet_hours_of(customer);
        let renewed = due.iter().filter_map(|held| {
            let person = Person { devices: devices.get(&held.device)?, events, visits, stages };
            Some(Occasion {
                in_app: in_front.contains(&held.device),
                ..self.occasion_again(held, person, quiet, now)?
            })
        });
        let occasions: Vec<Occasion<'_>> = renewed.collect();
        let mut answer = qualify::qualify(&self.catalogue.campaigns, customer, ledger, &occasions, now);
        let Some(of) = due.first().or(gone.first()) else { return };
        let speaks = answer.winner.as_ref().and_then(|win| due.get(win.occasion)).unwrap_or(of);
        let id = DecisionId::derive_again(now, &speaks.device);
        let mut notes = Vec::new();
        let trigger = self.speak(&mut answer, &occasions, (customer, ledger), &speaks.device, &id, now);
        if let Some((win, occasion)) =
            answer.winner.as_ref().and_then(|win| Some((win, occasions.get(win.occasion)?)))
        {
            notes.extend(exposures.expose(exposure(win, occasion, now)));
        }
        self.lead_on(&mut state.stages, answer.winner.as_ref(), now);
        let holds: Vec<Held> = answer.holds.iter().filter_map(|hold| again(hold, &due)).collect();
        assessments.extend(answer.assessments);
        state.held.extend(holds);
        notes.extend(Note::assessed(&assessments, now));
        let left_out = super::shorten(&mut assessments);
        if assessments.is_empty() {
            return;
        }
        let decision = Decision {
            id,
            customer: state.customer.id.clone(),
            device: speaks.device.clone(),
            sequence: Sequence(0),
            observed: speaks.transition.decided + speaks.waited(now),
            decided: now,
            fix: None,
            regions: Vec::new(),
            transitions: Vec::new(),
            assessments,
            left_out,
        };
        outcomes.push(Outcome { decision, trigger, notes, track: None, fix: None, sightings: 0 });
    }

    /// Until when what qualifies now waits for others: those that wait already began the wait.
    pub(super) fn settle(&self, waiting: &[Held], now: ServerTime) -> Option<Settle> {
        let settling = || waiting.iter().filter(|held| held.waits == Waits::Settle);
        let until = settling().map(|held| held.until).min().unwrap_or(now + self.manners.settle);
        // What settled and then waits for hours has taken room of theirs.
        let room = SETTLE_MAX.saturating_sub(settling().count()).min(HELD_MAX.saturating_sub(waiting.len()));
        (self.manners.settle.0 > 0).then_some(Settle { until, room })
    }

    /// Why a message must not be asked about again; absent where it must.
    fn ends(&self, state: &CustomerState, held: &Held) -> Option<Reason> {
        let Some(own) = state.devices.get(&held.device) else { return Some(Reason::VisitEnded) };
        if self.catalogue.campaigns.get(&held.campaign).is_none() {
            return Some(Reason::NotActive { until: None });
        }
        let there = self.catalogue.atlas.site(&held.transition.region).is_some();
        let visits = match held.waits {
            Waits::Hours => own.presence.visit(&held.transition.region) == Some(&held.transition.visit),
            // It qualified already; whether the visit goes on was no matter then.
            Waits::Settle => true,
        };
        (!there || !visits).then_some(Reason::VisitEnded)
    }

    /// When something that waits is to be asked about.
    pub(super) fn held_until(state: &CustomerState) -> Option<ServerTime> {
        state.held.iter().map(|held| held.until).min()
    }

    /// What waited, as it is now; nothing where its region is no longer there.
    fn occasion_again<'s>(
        &'s self,
        held: &'s Held,
        person: Person<'s>,
        quiet: Option<DailySpan>,
        now: ServerTime,
    ) -> Option<Occasion<'s>> {
        let site = self.catalogue.atlas.site(&held.transition.region)?;
        let zone = person.devices.first().and_then(|device| device.time_zone.as_deref());
        Some(Occasion {
            transition: &held.transition,
            region: &site.region,
            place: &site.place,
            age: Millis((now - held.fresh).0.max(0)),
            nearness: held.nearness,
            zone: zone.unwrap_or(&site.place.time_zone),
            quiet,
            held: Some(held),
            settle: None,
            person,
            in_app: false,
        })
    }
}

/// What waits from now on. Where too much does, the rest is suppressed for what it would wait for.
pub(super) fn keep(
    waiting: &[Held],
    device: &DeviceId,
    occasions: &[Occasion<'_>],
    answer: &mut Qualified,
    now: ServerTime,
) -> Vec<Held> {
    let mut kept = Vec::new();
    for hold in &answer.holds {
        let Some(occasion) = occasions.get(hold.occasion) else { continue };
        // What waits for others has room of its own: it was counted before.
        let of_hours = |held: &&Held| held.waits == Waits::Hours;
        let hours = waiting.iter().chain(&kept).filter(of_hours).count();
        if hold.waits == Waits::Settle || hours < HELD_MAX - SETTLE_MAX {
            kept.push(Held {
                campaign: hold.campaign.clone(),
                device: device.clone(),
                transition: occasion.transition.clone(),
                nearness: occasion.nearness,
                since: now,
                until: hold.until,
                fresh: match hold.waits {
                    Waits::Hours => hold.until,
                    Waits::Settle => now - occasion.age,
                },
                waits: hold.waits,
            });
        } else if let Some(assessment) = answer.assessments.get_mut(hold.assessment)
            && let Some(reason) = assessment.policies.iter().find_map(|step| step.refusal.clone())
        {
            assessment.verdict = Verdict::Suppressed(reason);
        }
    }
    kept
}

/// Takes out what waits for hours in visits that have just ended, and says so.
pub(super) fn end_visits(
    waiting: &mut Vec<Held>,
    device: &DeviceId,
    transitions: &[Transition],
    now: ServerTime,
) -> Vec<Assessment> {
    let ends = |held: &Held| {
        held.waits == Waits::Hours
            && held.device == *device
            && transitions.iter().any(|own| {
                own.kind == TransitionKind::Exit
                    && own.region == held.transition.region
                    && own.visit == held.transition.visit
            })
    };
    let (ended, held): (Vec<Held>, Vec<Held>) = std::mem::take(waiting).into_iter().partition(ends);
    *waiting = held;
    ended.iter().map(|held| self::ended(held, Reason::VisitEnded, now)).collect()
}

/// What a win adds to the customer's exposures.
pub(super) fn exposure(win: &Win, occasion: &Occasion<'_>, now: ServerTime) -> Exposure {
    Exposure {
        at: now,
        trigger: win.trigger.clone(),
        campaign: win.campaign.id.clone(),
        visit: occasion.transition.visit.clone(),
        arm: win.arm.clone(),
        converted: false,
    }
}

fn ended(held: &Held, reason: Reason, now: ServerTime) -> Assessment {
    let detail = Detail::Held { waited: held.waited(now), waits: held.waits };
    Assessment {
        campaign: held.campaign.clone(),
        region: held.transition.region.clone(),
        transition: held.transition.kind,
        policies: vec![PolicyStep { policy: "held", refusal: Some(reason.clone()), detail }].into(),
        verdict: Verdict::Suppressed(reason),
    }
}

/// What must wait on.
fn again(hold: &Hold, due: &[Held]) -> Option<Held> {
    let held = due.get(hold.occasion)?.clone();
    Some(Held { until: hold.until, fresh: hold.until, waits: hold.waits, ..held })
}
