//! From a batch of pings to what was kept: lock the customer, decide, commit, answer.

mod due;

use super::catalogue::CatalogueCell;
use super::clock::Clock;
use super::hot::HotCustomers;
use super::timers::Timers;
use super::zone_service::HushedPings;
use crate::engine::{Catalogue, CustomerState, Engine, Manners, Observed, Outcome, Refusal};
use crate::model::{CustomerId, DeviceId, Ping, ReportAdvice, Sequence, ServerTime, Transition};
use crate::presence::PresenceConfig;
use crate::store::{CommitError, Outcomes, Records, StoreError, Timer, TraceEntry};
use thiserror::Error;
use tokio::sync::watch;

/// How often a batch is decided again after another commit changed its customer.
const CONFLICT_RETRIES: usize = 16;

/// Decides batches of pings and makes them durable.
#[derive(Clone)]
pub struct Ingest {
    records: Records,
    catalogue: CatalogueCell,
    clock: Clock,
    presence: PresenceConfig,
    manners: Manners,
    hot: HotCustomers,
    timers: Timers,
    hushed: HushedPings,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Kept {
    /// The highest sequence number of the device that was kept.
    pub last_kept: Sequence,
    /// The pings that were refused, in the order of the batch.
    pub refusals: Vec<(Sequence, Refusal)>,
    /// The transitions, in the order in which they happened.
    pub transitions: Vec<Transition>,
    /// How many pings were kept by their number alone, since they may come from a sensitive place.
    pub hushed: u64,
    /// When to report next.
    pub advice: Option<ReportAdvice>,
}

/// Why a whole batch was not decided.
#[derive(Debug, Error)]
pub enum IngestError {
    /// There is no such customer, or the customer has no such device.
    #[error("there is no device {device} of customer {customer}")]
    NoDevice {
        /// The customer.
        customer: CustomerId,
        /// The device.
        device: DeviceId,
    },
    /// Other commits kept changing the customer.
    #[error("customer {customer} was changed {CONFLICT_RETRIES} times while a batch was decided")]
    Contended {
        /// The customer.
        customer: CustomerId,
    },
    /// The store is broken.
    #[error("cannot keep the pings")]
    Store(#[from] StoreError),
}

impl Ingest {
    /// Decides over this catalogue and keeps in these records, with these customers at hand. Fails when
    /// the timers can't be read.
    pub(super) fn new(
        records: Records,
        catalogue: CatalogueCell,
        clock: Clock,
        presence: PresenceConfig,
        hot: HotCustomers,
        manners: Manners,
    ) -> Result<Self, StoreError> {
        let timers = Timers::new(records.load_timers()?);
        Ok(Self { records, catalogue, clock, presence, manners, hot, timers, hushed: HushedPings::default() })
    }

    /// The alarms, for those who change when something is due.
    pub(super) fn timers(&self) -> Timers {
        self.timers.clone()
    }

    /// The count of pings that were kept by their number alone.
    pub(super) fn hushed(&self) -> HushedPings {
        self.hushed.clone()
    }

    /// Does what is due for customers from whom no ping comes, until the server drains.
    pub(super) async fn run_timers(self, draining: watch::Receiver<bool>) {
        let (timers, clock) = (self.timers.clone(), self.clock.clone());
        super::timers::run(self, timers, clock, draining).await;
    }

    /// Decides a batch of one device. `unread` are the numbers of those of its pings that did not parse: no ping
    /// waits for them. On `Ok`, all that the kept pings caused is durable.
    pub async fn batch(
        &self,
        customer: &CustomerId,
        device: &DeviceId,
        mut pings: Vec<Ping>,
        mut unread: Vec<Sequence>,
    ) -> Result<Kept, IngestError> {
        unread.sort_unstable();
        // Phones batch pings, so decide them in the order in which they were observed.
        pings.sort_by_key(|ping| (ping.observed, ping.sequence));
        let slot = self.hot.slot(customer);
        let mut hot = slot.lock().await;
        for _ in 0..CONFLICT_RETRIES {
            let at_hand = hot.take();
            let fresh = at_hand.is_none();
            let loaded = match at_hand {
                Some(loaded) => Some(loaded),
                None => self.records.load_customer(customer)?,
            };
            let Some((mut before, revision)) = loaded.filter(|(state, _)| state.devices.contains_key(device)) else {
                if fresh {
                    drop(hot);
                    self.hot.release(customer, slot);
                    return Err(IngestError::NoDevice { customer: customer.clone(), device: device.clone() });
                }
                continue;
            };
            if before.lapse(self.clock.now()) {
                self.forget_lapsed(&before, revision).await?;
                continue;
            }
            let (state, kept, outcomes, due) = self.decide(before, device, &pings, &unread);
            let Some(mut outcomes) = outcomes else {
                // Without a commit nothing has shown that the record at hand is still the present one.
                if fresh {
                    *hot = Some((state, revision));
                    return Ok(kept);
                }
                continue;
            };
            let alarm = due.filter(|due| self.timers.misses(customer, *due));
            outcomes.timer = alarm.map_or(Timer::Keep, Timer::Set);
            match self.records.commit_outcomes(&state, revision, outcomes).await {
                Ok(revision) => {
                    *hot = Some((state, revision));
                    self.hushed.add(kept.hushed);
                    if alarm.is_some() {
                        self.timers.set(customer, alarm);
                    }
                    return Ok(kept);
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(IngestError::Contended { customer: customer.clone() })
    }

    fn engine<'a>(&'a self, catalogue: &'a Catalogue) -> Engine<'a> {
        Engine { catalogue, presence: &self.presence, manners: self.manners }
    }

    /// Decides the pings one by one. The outcomes are absent when every ping was refused. Last comes the time at
    /// which something is due without a further ping.
    fn decide(
        &self,
        mut state: CustomerState,
        device: &DeviceId,
        pings: &[Ping],
        unread: &[Sequence],
    ) -> (CustomerState, Kept, Option<Outcomes>, Option<ServerTime>) {
        let catalogue = self.catalogue.snapshot();
        let engine = self.engine(&catalogue);
        let mut kept = Kept::default();
        let mut outcomes = None;
        let traced = state.devices.get(device).and_then(|own| own.trace_until);
        let mut keep = |kept: &mut Kept, all: Vec<Outcome>, now| {
            let outcomes: &mut Outcomes = outcomes.get_or_insert_default();
            for outcome in all {
                kept.transitions.extend(outcome.decision.transitions.iter().cloned());
                record(outcomes, outcome, traced, now);
            }
        };
        for ping in pings {
            let now = self.clock.now_at(ping.observed);
            match engine.observe(&mut state, device, ping, now) {
                Observed::Refused(refusal) => kept.refusals.push((ping.sequence, refusal)),
                Observed::Hushed(all) => {
                    kept.hushed += 1;
                    keep(&mut kept, all, now);
                }
                // A ping that waits for an earlier one is kept, too.
                Observed::Kept(all) => keep(&mut kept, all, now),
            }
        }
        for sequence in unread {
            let now = self.clock.now();
            let released = engine.skip(&mut state, device, *sequence, now);
            if !released.is_empty() {
                keep(&mut kept, released, now);
            }
        }
        kept.advice = engine.advice(&state, device);
        kept.last_kept = state.devices.get(device).map(|own| own.kept.highest()).unwrap_or_default();
        let due = engine.due(&state);
        (state, kept, outcomes, due)
    }
}

/// Keeps what is worth keeping: decisions that changed something, triggers, and every ping under trace.
fn record(outcomes: &mut Outcomes, outcome: Outcome, traced: Option<ServerTime>, now: ServerTime) {
    if traced.is_some_and(|until| now < until) {
        outcomes.traces.push(TraceEntry {
            decision: outcome.decision.clone(),
            fix: outcome.fix,
            track: outcome.track,
            sightings: outcome.sightings,
        });
    }
    if !outcome.decision.transitions.is_empty() || !outcome.decision.assessments.is_empty() {
        outcomes.decisions.push(outcome.decision);
    }
    outcomes.triggers.extend(outcome.trigger);
    outcomes.notes.extend(outcome.notes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::DeviceState;
    use crate::model::{
        AppState, Customer, Device, DeviceTime, Fix, LocationConsent, Metres, Millis, Platform, Position,
        TransitionKind, VerdictKind,
    };
    use crate::store::{CatalogueChange, DecisionFilter, Expect, MemoryStore};
    use std::sync::Arc;

    fn ping(sequence: u64) -> Ping {
        let position = Position::new(39.74, -104.99).unwrap();
        let fix = Fix { position, accuracy: Metres(8.0), speed_mps: None, course_deg: None, mock: false };
        let observed = DeviceTime(1_784_138_400_000 + 1_000 * i64::try_from(sequence).unwrap());
        Ping { sequence: Sequence(sequence), observed, fix: Some(fix), sightings: Vec::new(), app: AppState::Unknown }
    }

    /// An ingest over these records, by the time of the pings.
    fn serving(records: &Records, catalogue: CatalogueCell, hot: HotCustomers) -> Ingest {
        serving_with(records, catalogue, hot, Manners::default())
    }

    /// An ingest that has those manners.
    fn serving_with(records: &Records, catalogue: CatalogueCell, hot: HotCustomers, manners: Manners) -> Ingest {
        Ingest::new(records.clone(), catalogue, Clock::pings(), PresenceConfig::default(), hot, manners).unwrap()
    }

    /// The refusals of a ping of ada's phone.
    async fn check(ingest: &Ingest, sequence: u64, refusals: &[Refusal]) {
        let (ada, phone) = (CustomerId::parse("", "ada").unwrap(), DeviceId::parse("", "phone").unwrap());
        let kept = ingest.batch(&ada, &phone, vec![ping(sequence)], Vec::new()).await.unwrap();
        assert_eq!(
            kept.refusals.iter().map(|(_, refusal)| *refusal).collect::<Vec<_>>(),
            refusals,
            "ping {sequence}"
        );
    }

    #[tokio::test]
    async fn consent_counts_from_the_next_ping_on_though_the_customer_is_at_hand() {
        let records = Records::new(Arc::new(MemoryStore::new()));
        let catalogue = CatalogueCell::load(records.clone()).unwrap();
        let hot = HotCustomers::new(10);
        let ingest = serving(&records, catalogue, hot.clone());
        let mut state = CustomerState::new(Customer::new(CustomerId::parse("", "ada").unwrap()));
        let id = DeviceId::parse("", "phone").unwrap();
        let (push_address, locale) = (String::new(), "en".to_owned());
        let device = Device {
            id: id.clone(),
            platform: Platform::Ios,
            push_address,
            locale,
            time_zone: None,
            app_version: None,
        };
        state.devices.insert(id, DeviceState::new(device));
        records.create_customer(&state).await.unwrap();

        for (sequence, granted, refusals) in
            [(1, None, &[Refusal::NoConsent][..]), (1, Some(true), &[]), (2, Some(false), &[Refusal::NoConsent])]
        {
            let (mut state, revision) = records.load_customer(&state.customer.id).unwrap().unwrap();
            state.customer.consent = granted.map(|granted| LocationConsent::answered(granted, ServerTime(1)));
            records.save_customer(&state, revision).await.unwrap();
            check(&ingest, sequence, refusals).await;
        }
        check(&ingest, 1, &[Refusal::NoConsent]).await;

        assert_eq!(hot.len(), 1);
        for (customer, device) in [("nobody", "phone"), ("ada", "tablet")] {
            let names = (CustomerId::parse("", customer).unwrap(), DeviceId::parse("", device).unwrap());
            let nothing = ingest.batch(&names.0, &names.1, vec![ping(3)], Vec::new()).await;
            assert!(matches!(nothing, Err(IngestError::NoDevice { .. })), "{nothing:?}");
        }
        assert_eq!(hot.len(), 0, "names of nobody take no room");
    }

    /// A door around the pings, which counts as a dwell after five minutes.
    async fn door(records: &Records) -> CatalogueCell {
        use crate::files::{Defaults, read_regions};
        let text = r#"{"type": "FeatureCollection",
            "places": [{"id": "shop", "brand": "roost", "time_zone": "UTC"}],
            "features": [{"type": "Feature", "id": "door", "properties": {"place": "shop", "radius_m": 100},
                          "geometry": {"type": "Point", "coordinates": [-104.99, 39.74]}}]}"#;
        let (places, regions) = read_regions(text, &Defaults::default()).unwrap();
        let places = places.into_iter().map(|place| CatalogueChange::PutPlace(place, Expect::Absent));
        let regions = regions.into_iter().map(|region| CatalogueChange::PutRegion(region, Expect::Absent));
        records.commit_catalogue(places.chain(regions).collect()).await.unwrap();
        CatalogueCell::load(records.clone()).unwrap()
    }

    /// Ada, who consents, with her phone.
    async fn located(records: &Records) -> (CustomerId, DeviceId) {
        let (ada, id) = (CustomerId::parse("", "ada").unwrap(), DeviceId::parse("", "phone").unwrap());
        let consent = LocationConsent::answered(true, ServerTime(1));
        let mut state = CustomerState::new(Customer { consent: Some(consent), ..Customer::new(ada.clone()) });
        state.customer.topics.opt_in(crate::model::TopicId::parse("", "offers").unwrap());
        let (push_address, locale) = (String::new(), "en".to_owned());
        let device = Device {
            id: id.clone(),
            platform: Platform::Ios,
            push_address,
            locale,
            time_zone: None,
            app_version: None,
        };
        state.devices.insert(id.clone(), DeviceState::new(device));
        records.create_customer(&state).await.unwrap();
        (ada, id)
    }

    #[tokio::test]
    async fn a_dwell_comes_in_silence_and_after_a_restart() {
        let records = Records::new(Arc::new(MemoryStore::new()));
        let catalogue = door(&records).await;
        let (ada, id) = located(&records).await;

        let ingest = serving(&records, catalogue.clone(), HotCustomers::new(10));
        let kept = ingest.batch(&ada, &id, (1..=30).map(ping).collect(), Vec::new()).await.unwrap();
        let kinds = |transitions: &[Transition]| transitions.iter().map(|own| own.kind).collect::<Vec<_>>();
        assert_eq!(kinds(&kept.transitions), [TransitionKind::Enter]);

        assert!(kept.advice.is_some());
        let late = Ping { observed: ping(1).observed, ..ping(31) };
        let after_late = ingest.batch(&ada, &id, vec![late], Vec::new()).await.unwrap();
        assert_eq!(after_late.advice, kept.advice, "a late ping leaves the advice as it was");
        let empty = ingest.batch(&ada, &id, Vec::new(), Vec::new()).await.unwrap();
        assert_eq!(empty.advice, kept.advice, "an empty batch is advised, too");

        let restarted = serving(&records, catalogue, HotCustomers::new(10));
        let (alarm, customer) = restarted.timers.first().expect("the timer is durable");
        assert_eq!(customer, ada);
        restarted.tick(&ada, alarm - Millis(1)).await.unwrap();
        let told = || {
            let page = records.list_decisions(&DecisionFilter::default(), None, 10).unwrap();
            page.items.iter().rev().flat_map(|decision| kinds(&decision.transitions)).collect::<Vec<_>>()
        };
        assert_eq!(told(), [TransitionKind::Enter], "nothing is due before the alarm");
        restarted.tick(&ada, alarm + Millis::from_mins(5)).await.unwrap();
        assert_eq!(told(), [TransitionKind::Enter, TransitionKind::Dwell]);
        assert!(restarted.timers.first().is_none_or(|(next, _)| next > alarm), "the alarm moves on");

        assert!(records.delete_customer(&ada).await.unwrap());
        assert_eq!(records.load_timers().unwrap(), []);
    }

    #[tokio::test]
    async fn what_waits_for_others_outlives_a_restart() {
        let records = Records::new(Arc::new(MemoryStore::new()));
        door(&records).await;
        let campaign = "campaigns: [{ id: latte, regions: { brands: [roost] }, topic: offers, message: { title: Hi, body: Hi } }]";
        let campaigns = crate::files::read_campaigns(campaign).unwrap().into_iter();
        let puts =
            campaigns.map(|campaign| CatalogueChange::PutCampaign(Box::new(campaign), Expect::Absent)).collect();
        records.commit_catalogue(puts).await.unwrap();
        let catalogue = CatalogueCell::load(records.clone()).unwrap();
        let (ada, id) = located(&records).await;
        let manners = Manners { settle: Millis::from_secs(3), ..Manners::default() };
        let ingest = || serving_with(&records, catalogue.clone(), HotCustomers::new(10), manners);
        let pings = || records.load_customer(&ada).unwrap().unwrap().0.held;
        let first = ingest();
        let mut sequence = 0;
        while pings().is_empty() && sequence < 30 {
            sequence += 1;
            first.batch(&ada, &id, vec![ping(sequence)], Vec::new()).await.unwrap();
        }
        let held = pings().remove(0);
        assert_eq!(held.until - ServerTime(ping(sequence).observed.0), manners.settle);

        let restarted = ingest();
        let outbox = || records.outbox(None, 10).unwrap().len();
        restarted.tick(&ada, held.until - Millis(1)).await.unwrap();
        assert_eq!(outbox(), 0, "it waits");
        assert_eq!(restarted.timers.first(), Some((held.until + Millis(999), ada.clone())), "and wakes");
        restarted.tick(&ada, held.until).await.unwrap();
        assert_eq!(outbox(), 1, "it is sent");
        let page = records.list_decisions(&DecisionFilter::default(), None, 10).unwrap();
        let told: Vec<_> = page.items.iter().map(|own| (own.sequence.0, own.assessments[0].verdict.kind())).collect();
        assert_eq!(told, [(0, VerdictKind::Qualified), (sequence, VerdictKind::Held)]);
        restarted.batch(&ada, &id, vec![ping(sequence + 1)], Vec::new()).await.unwrap();
        assert_eq!((outbox(), pings().len()), (1, 0), "once");
    }

    #[tokio::test]
    async fn no_ping_waits_for_one_that_did_not_parse() {
        let records = Records::new(Arc::new(MemoryStore::new()));
        let catalogue = door(&records).await;
        let (ada, id) = located(&records).await;
        let ingest = serving(&records, catalogue, HotCustomers::new(10));
        let waiting = || {
            let (state, _) = records.load_customer(&ada).unwrap().unwrap();
            state.devices[&id].order.waiting.len()
        };
        let gaps = (1..=20).filter(|n| ![5, 9].contains(n)).map(ping).collect();
        ingest.batch(&ada, &id, gaps, Vec::new()).await.unwrap();
        assert_eq!(waiting(), 14, "what lies past a gap waits");
        ingest.batch(&ada, &id, Vec::new(), vec![Sequence(9), Sequence(5)]).await.unwrap();
        assert_eq!(waiting(), 0);
    }
}
