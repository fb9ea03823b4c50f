//! Plays a script through the core.

use super::channel;
use super::prose;
use super::script::{Act, Deed, Script};
use super::setting::consent;
use super::words::Read;
use doorstep::engine::{Catalogue, CustomerState, Engine, Observed, Outcome};
use doorstep::model::event::change_traits;
use doorstep::model::{
    Customer, CustomerId, DeviceId, JourneyId, LocationConsent, Sequence, ServerTime, StageId, TriggerId, Verdict,
};
use doorstep::presence::PresenceConfig;
use doorstep::qualify::Recorded;
use doorstep::report::Tally;
use std::collections::{BTreeMap, BTreeSet};

/// What followed from one act: the outcomes of each ping that had any, in groups.
pub(super) type Followed = Vec<Vec<String>>;

/// Plays all acts and tells what followed from each.
pub(super) fn play(script: &Script) -> Read<Vec<Followed>> {
    let (catalogue, customers) = script.setting.build()?;
    let mut stage = Stage {
        catalogue,
        customers,
        latest: BTreeMap::new(),
        triggers: BTreeSet::new(),
        tally: Tally::default(),
        open: BTreeSet::new(),
    };
    let mut followed = vec![Followed::new(); script.acts.len()];
    for (act, step) in steps(script) {
        let before = stage.whereabouts();
        let mut outcomes = stage.step(script, &script.acts[act], step)?;
        outcomes.extend(stage.moved(&before));
        if !outcomes.is_empty() {
            followed[act].push(outcomes);
        }
    }
    Ok(followed.into_iter().map(counted).collect())
}

/// Acts and the pings in them, by the time at which they reach the server: two phones may walk at once.
fn steps(script: &Script) -> Vec<(usize, usize)> {
    let mut steps: Vec<(ServerTime, usize, usize)> = Vec::new();
    for (index, act) in script.acts.iter().enumerate() {
        match &act.deed {
            Deed::Reports(reports) => {
                let arrivals = reports.iter().enumerate();
                steps.extend(arrivals.map(|(step, report)| (report.arrives, index, step)));
            }
            Deed::Consent(..)
            | Deed::Prefer(..)
            | Deed::Refund(..)
            | Deed::Event(..)
            | Deed::Trait(..)
            | Deed::Report(_)
            | Deed::Stream(..)
            | Deed::Wait => {
                steps.push((act.at, index, 0));
            }
        }
    }
    steps.sort_unstable();
    steps.into_iter().map(|(_, act, step)| (act, step)).collect()
}

struct Stage {
    catalogue: Catalogue,
    customers: BTreeMap<CustomerId, CustomerState>,
    /// The highest sequence number of each device.
    latest: BTreeMap<DeviceId, u64>,
    triggers: BTreeSet<(CustomerId, TriggerId)>,
    /// What is there to report.
    tally: Tally,
    /// The devices whose apps have a stream open.
    open: BTreeSet<DeviceId>,
}

/// At which stage of each journey each customer is.
type Whereabouts = BTreeMap<(CustomerId, JourneyId), StageId>;

impl Stage {
    fn whereabouts(&self) -> Whereabouts {
        let of = |(customer, state): (&CustomerId, &CustomerState)| {
            let own = state.stages.journeys.iter();
            own.map(|(journey, at)| ((customer.clone(), journey.clone()), at.stage.clone())).collect::<Vec<_>>()
        };
        self.customers.iter().flat_map(of).collect()
    }

    /// `loyal at visited`, where journeys have moved.
    fn moved(&self, before: &Whereabouts) -> Vec<String> {
        let after = self.whereabouts();
        let left = before.keys().filter(|key| !after.contains_key(key));
        let left = left.map(|(_, journey)| format!("{journey} not begun"));
        let came = after.iter().filter(|(key, stage)| before.get(key) != Some(stage));
        came.map(|((_, journey), stage)| format!("{journey} at {stage}")).chain(left).collect()
    }

    fn step(&mut self, script: &Script, act: &Act, step: usize) -> Read<Vec<String>> {
        let missing = || "lost a customer".to_owned();
        match &act.deed {
            Deed::Reports(reports) => {
                let report = &reports[step];
                let latest = self.latest.entry(report.device.clone()).or_default();
                let mut ping = report.ping.clone();
                if ping.sequence.0 == 0 {
                    ping.sequence = Sequence(*latest + 1);
                }
                *latest = ping.sequence.0.max(*latest);
                let owner = script.setting.owners.get(&report.device).ok_or_else(missing)?;
                let state = self.customers.get_mut(owner).ok_or_else(missing)?;
                let config = PresenceConfig::default();
                let engine = Engine {
                    catalogue: &self.catalogue,
                    presence: &config,
                    manners: script.setting.manners,
                    open: &self.open,
                };
                // As the server does.
                let lapsed = state.lapse(report.arrives).then(|| "consent expired".to_owned());
                let before = state.clone();
                let observed = engine.observe(state, &report.device, &ping, report.arrives);
                // Same pings, same answer.
                let mut again = before;
                if engine.observe(&mut again, &report.device, &ping, report.arrives) != observed || again != *state {
                    return Err(format!(
                        "line {}: the engine answers differently a second time",
                        act.lines.start + 1
                    ));
                }
                self.coherent(owner, &observed).map_err(|why| format!("line {}: {why}", act.lines.start + 1))?;
                Ok(lapsed.into_iter().chain(prose::observed(&observed, &act.day, &script.setting.worded)).collect())
            }
            Deed::Consent(customer, granted, expires) => {
                let state = self.customers.get_mut(customer).ok_or_else(missing)?;
                let answer = LocationConsent { expires: *expires, ..consent(*granted, act.at) };
                let answered = Customer { consent: Some(answer), ..state.customer.clone() };
                state.change(answered, act.at, "scenario");
                Ok(Vec::new())
            }
            Deed::Prefer(customer, settings) => {
                let state = self.customers.get_mut(customer).ok_or_else(missing)?;
                let mut prefers = state.customer.clone();
                for setting in settings {
                    prefers.set(setting);
                }
                state.change(prefers, act.at, "scenario");
                Ok(Vec::new())
            }
            Deed::Wait => self.wait(script, act),
            Deed::Report(campaign) => Ok(super::measure::told(&self.tally, campaign)),
            Deed::Stream(device, true) => {
                self.open.insert(device.clone());
                Ok(Vec::new())
            }
            Deed::Stream(device, false) => {
                self.open.remove(device);
                Ok(Vec::new())
            }
            Deed::Event(customer, event) => {
                let state = self.customers.get_mut(customer).ok_or_else(missing)?;
                let config = PresenceConfig::default();
                let engine = Engine {
                    catalogue: &self.catalogue,
                    presence: &config,
                    manners: script.setting.manners,
                    open: &self.open,
                };
                let mut notes = Vec::new();
                let recorded = engine.record(state, event, act.at, &mut notes);
                self.tally.add(Tally::of(&notes));
                Ok(match recorded {
                    Recorded::Counted => Vec::new(),
                    Recorded::Repeated => vec!["recorded before".to_owned()],
                    Recorded::Refused(refusal) => vec![channel::refused(refusal)],
                })
            }
            Deed::Trait(customer, change) => {
                let traits = &mut self.customers.get_mut(customer).ok_or_else(missing)?.customer.traits;
                let changed = change_traits(traits, std::slice::from_ref(change));
                Ok(changed.err().map(|why| format!("refused: {why}").replace(',', ";")).into_iter().collect())
            }
            Deed::Refund(campaign, customer) => {
                let state = self.customers.get_mut(customer).ok_or_else(missing)?;
                let last = state.ledger.sends.iter().rev().find(|sent| sent.campaign == *campaign);
                let Some(trigger) = last.map(|sent| sent.trigger.clone()) else { return Ok(Vec::new()) };
                state.refund(&trigger);
                self.triggers.remove(&(customer.clone(), trigger));
                Ok(vec![format!("given back {campaign}")])
            }
        }
    }

    /// Does what is due for each customer, up to the moment of the act, as the server's timers do.
    fn wait(&mut self, script: &Script, act: &Act) -> Read<Vec<String>> {
        let config = PresenceConfig::default();
        let mut told = Vec::new();
        for owner in self.customers.keys().cloned().collect::<Vec<_>>() {
            let Some(mut state) = self.customers.remove(&owner) else { continue };
            let engine = Engine {
                catalogue: &self.catalogue,
                presence: &config,
                manners: script.setting.manners,
                open: &self.open,
            };
            let mut outcomes = Vec::new();
            while let Some(due) = engine.due(&state).filter(|due| *due <= act.at) {
                if state.lapse(due) {
                    told.push("consent expired".to_owned());
                }
                outcomes.extend(engine.tick(&mut state, due));
            }
            self.customers.insert(owner.clone(), state);
            for outcome in &outcomes {
                self.coherent_outcome(&owner, outcome)?;
                told.extend(prose::decided(outcome, &act.day, &script.setting.worded));
            }
        }
        Ok(told)
    }

    /// What holds of every answer, whatever the scenario: a trigger exactly where a verdict qualified, at most one
    /// a ping, and never the same one twice.
    fn coherent(&mut self, owner: &CustomerId, observed: &Observed) -> Read<()> {
        let outcomes = match observed {
            Observed::Kept(outcomes) | Observed::Hushed(outcomes) => outcomes,
            Observed::Refused(_) => return Ok(()),
        };
        outcomes.iter().try_for_each(|outcome| self.coherent_outcome(owner, outcome))
    }

    fn coherent_outcome(&mut self, owner: &CustomerId, outcome: &Outcome) -> Read<()> {
        self.tally.add(Tally::of(&outcome.notes));
        let qualified: Vec<&TriggerId> = outcome
            .decision
            .assessments
            .iter()
            .filter_map(|assessment| match &assessment.verdict {
                Verdict::Qualified(trigger) => Some(trigger),
                Verdict::Suppressed(_) | Verdict::Held { .. } => None,
            })
            .collect();
        let made: Vec<&TriggerId> = outcome.trigger.iter().map(|trigger| &trigger.id).collect();
        if qualified != made {
            return Err(format!("qualified {qualified:?}, but made the triggers {made:?}"));
        }
        for trigger in made {
            if !self.triggers.insert((owner.clone(), trigger.clone())) {
                return Err(format!("made the trigger {} twice", trigger.as_str()));
            }
        }
        Ok(())
    }
}

/// Several of the same in a row, told once: `refused: duplicate ×6`.
fn counted(groups: Followed) -> Followed {
    let mut runs: Vec<(Vec<String>, usize)> = Vec::new();
    for group in groups {
        match runs.last_mut() {
            Some((last, count)) if *last == group && group.len() == 1 => *count += 1,
            Some(_) | None => runs.push((group, 1)),
        }
    }
    runs.into_iter()
        .map(|(group, count)| {
            if count == 1 { group } else { group.into_iter().map(|outcome| format!("{outcome} ×{count}")).collect() }
        })
        .collect()
}
