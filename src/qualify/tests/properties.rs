//! No sequence of events beats a limit. The number of cases is `PROPTEST_CASES`, 2,000 when absent.

use super::{NOW, World, campaign, enter, id, place, region};
use crate::model::{
    BrandId, Campaign, CampaignId, Cap, CapScope, CapWindow, Metres, Millis, Pace, Place, PlaceId, PolicyStep,
    Reason, Region, RegionId, ServerTime, TopicId, Transition, TriggerId,
};
use crate::qualify::{CampaignBook, Ledger, Occasion, PaceTaken, Person, Qualified, Sent, pace, qualify};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Event {
    /// The clock moves, forward or back.
    Clock(Millis),
    /// The customer comes through these doors at once; `true`: in a new visit.
    Doors(Vec<(usize, bool)>),
    /// The trigger that was sent as the so-manieth ended undelivered.
    Refund(usize),
}

/// Doors, with their places and the places' brands.
const DOORS: [(&str, &str, &str); 4] =
    [("a1", "a", "roost"), ("a2", "a", "roost"), ("b1", "b", "roost"), ("c1", "c", "other")];
const CAMPAIGNS: [(&str, &str); 3] = [("latte", "offers"), ("scone", "offers"), ("parking", "news")];

/// From a second to 31 days, each order of magnitude as likely as another.
fn span() -> impl Strategy<Value = Millis> {
    prop_oneof![1_000..60_000_i64, 60_000..3_600_000_i64, 3_600_000..86_400_000_i64, 86_400_000..=2_678_400_000_i64]
        .prop_map(Millis)
}

fn event() -> impl Strategy<Value = Event> {
    let step = prop_oneof![0..2_000_i64, 0..600_000_i64, 0..43_200_000_i64, 0..3_456_000_000_i64];
    let clock = (step, prop::bool::weighted(0.3));
    prop_oneof![
        3 => clock.prop_map(|(ms, back)| Event::Clock(Millis(if back { -ms } else { ms }))),
        4 => vec((0..DOORS.len(), prop::bool::weighted(0.9)), 1..3).prop_map(Event::Doors),
        1 => (0..40_usize).prop_map(Event::Refund),
    ]
}

fn cap() -> impl Strategy<Value = Cap> {
    use CapScope::{Brand, Campaign, Customer, Place, Topic};
    let scope = prop::sample::select(vec![Customer, Brand, Topic, Place, Campaign]);
    (scope, 1..4_u32, span()).prop_map(|(scope, limit, window)| Cap {
        scope,
        limit,
        window: CapWindow::Rolling(window),
    })
}

/// The campaigns; with `true`, all have the same caps.
fn campaigns() -> impl Strategy<Value = (bool, Vec<Campaign>)> {
    let pace = proptest::option::of((1..4_u32, span()).prop_map(|(burst, refill)| Pace { burst, refill }));
    let limits = (vec(cap(), 0..4), pace, proptest::option::weighted(0.2, span()));
    (any::<bool>(), vec(limits, CAMPAIGNS.len())).prop_map(|(shared, mut limits)| {
        if shared {
            let caps = limits[0].0.clone();
            for (own, ..) in &mut limits {
                own.clone_from(&caps);
            }
        }
        let campaigns = CAMPAIGNS.iter().zip(limits).map(|((name, topic), (caps, pace, cooldown))| {
            let mut campaign = Campaign { caps, pace, topic: id!(TopicId, topic), ..campaign(name) };
            campaign.regions.brands.insert(id!(BrandId, "other"));
            campaign.cooldown.place = cooldown;
            campaign
        });
        (shared, campaigns.collect())
    })
}

/// One message as the test remembers it, which forgets nothing.
#[derive(Debug, Clone)]
struct Remembered {
    at: ServerTime,
    trigger: TriggerId,
    campaign: CampaignId,
    topic: TopicId,
    place: PlaceId,
    brand: BrandId,
}

/// The customer's street, and what the test remembers of it.
struct Street {
    world: World,
    doors: Vec<(Region, Place)>,
    book: CampaignBook,
    /// By door.
    visits: Vec<usize>,
    ledger: Ledger,
    /// In the order in which they were sent; those refunded taken out.
    live: Vec<Remembered>,
    /// All that were ever sent.
    triggers: Vec<TriggerId>,
}

impl Street {
    fn new(campaigns: &[Campaign]) -> Self {
        let mut world = World::new();
        world.customer.topics.opt_in(id!(TopicId, "news"));
        Self {
            world,
            doors: DOORS.iter().map(|(door, name, brand)| (region(door, name), place(name, brand))).collect(),
            book: CampaignBook::build(campaigns.iter().cloned().map(Arc::new)),
            visits: vec![0; DOORS.len()],
            ledger: Ledger::default(),
            live: Vec::new(),
            triggers: Vec::new(),
        }
    }

    /// Asks about these transitions, with a ledger of one's own.
    fn ask(&self, ledger: &mut Ledger, transitions: &[(usize, Transition)], now: ServerTime) -> Qualified {
        let occasions: Vec<_> = transitions
            .iter()
            .map(|(door, transition)| {
                let (region, place) = &self.doors[*door];
                Occasion {
                    transition,
                    region,
                    place,
                    age: Millis(0),
                    nearness: Metres(0.0),
                    zone: "UTC",
                    quiet: None,
                    held: None,
                    settle: None,
                    person: Person::UNKNOWN,
                    in_app: false,
                }
            })
            .collect();
        qualify(&self.book, &self.world.customer, ledger, &occasions, now)
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Clock(step) => self.world.now = self.world.now + *step,
            Event::Refund(index) => {
                let Some(trigger) = self.triggers.get(*index) else { return };
                let known = self.ledger.sends.iter().any(|sent| sent.trigger == *trigger);
                assert_eq!(self.ledger.refund(trigger), known);
                if known {
                    self.live.retain(|sent| sent.trigger != *trigger);
                }
            }
            Event::Doors(doors) => {
                let transitions: Vec<_> = doors.iter().map(|(door, fresh)| self.transition(*door, *fresh)).collect();
                self.come(&transitions);
            }
        }
    }

    fn transition(&mut self, door: usize, fresh: bool) -> (usize, Transition) {
        self.visits[door] += usize::from(fresh);
        (door, enter(DOORS[door].0, &format!("{}-{}", DOORS[door].0, self.visits[door])))
    }

    fn come(&mut self, transitions: &[(usize, Transition)]) {
        let (now, before) = (self.world.now, self.ledger.clone());
        let answer = self.ask(&mut self.ledger.clone(), transitions, now);
        self.untils_are_exact(&answer, &before, transitions);
        self.caps_are_counted(&answer, &before);
        // All state is in the ledger: one that was stored and read back gives the same answer, and so does a rerun.
        let mut restarted = stored_and_read_back(&before);
        assert_eq!(restarted, before);
        assert_eq!(self.ask(&mut restarted, transitions, now), answer);
        let mut ledger = std::mem::take(&mut self.ledger);
        assert_eq!(self.ask(&mut ledger, transitions, now), answer);
        assert_eq!(restarted, ledger);
        self.ledger = ledger;

        let Some(win) = answer.winner else {
            assert_eq!(self.ledger, before);
            return;
        };
        let (region, place) = &self.doors[transitions[win.occasion].0];
        let sent = Remembered {
            at: now,
            trigger: win.trigger.clone(),
            campaign: win.campaign.id.clone(),
            topic: win.campaign.topic.clone(),
            place: place.id.clone(),
            brand: place.brand.clone(),
        };
        assert!(self.ledger.sends.iter().any(|kept| kept.trigger == win.trigger && kept.region == region.id));
        assert!(self.ledger.sends.is_sorted_by_key(|kept| kept.at));
        self.triggers.push(win.trigger);
        self.live.push(sent.clone());
        self.caps_hold(&win.campaign, &sent);
        self.pace_holds(&win.campaign);
    }

    /// No window of a cap's length that holds the new message holds more than the cap.
    fn caps_hold(&self, campaign: &Campaign, new: &Remembered) {
        for cap in &campaign.caps {
            let times: Vec<_> =
                self.live.iter().filter(|sent| in_scope(cap.scope, sent, new)).map(|sent| sent.at).collect();
            let most = fullest(&times, length(cap), |end| end >= new.at && end - length(cap) < new.at);
            assert!(most <= cap.limit as usize, "{cap:?} is beaten by {new:?}: {:?}", self.live);
        }
    }

    /// No window at all holds more than a cap that every campaign has.
    fn shared_caps_hold(&self, caps: &[Cap]) {
        for (cap, one) in caps.iter().flat_map(|cap| self.live.iter().map(move |one| (cap, one))) {
            let times: Vec<_> =
                self.live.iter().filter(|sent| in_scope(cap.scope, sent, one)).map(|sent| sent.at).collect();
            assert!(fullest(&times, length(cap), |_| true) <= cap.limit as usize, "{cap:?}: {:?}", self.live);
        }
    }

    /// GCRA's promise: in any span, at most the burst and one for each refill that fits in the span. And what is
    /// used up is what the live messages, charged in their order, come to.
    fn pace_holds(&self, campaign: &Campaign) {
        let Some(pace) = campaign.pace else { return };
        let times: Vec<_> =
            self.live.iter().filter(|sent| sent.campaign == campaign.id).map(|sent| sent.at).collect();
        let new = times[times.len() - 1];
        for (index, earlier) in times.iter().enumerate() {
            let surplus = i64::try_from(times.len() - index).unwrap() - i64::from(pace.burst);
            assert!(surplus * pace.refill.0 <= (new - *earlier).0, "{pace:?} is beaten: {times:?}");
        }
        if self.ledger.forgotten.is_none() {
            let used = times.iter().fold(0, |used, at| pace::charge(used, pace.refill, *at));
            assert_eq!(self.ledger.pace.get(&campaign.id), Some(&used));
        }
    }

    /// A limit that names a time refuses up to it and not from it on, when nothing else happens.
    fn untils_are_exact(&self, answer: &Qualified, ledger: &Ledger, transitions: &[(usize, Transition)]) {
        let refusals = answer.assessments.iter().enumerate().flat_map(|(index, assessment)| {
            let until = |step: &PolicyStep| step.refusal.as_ref().and_then(Reason::until);
            assessment.policies.iter().enumerate().filter_map(move |(at, step)| Some((index, at, until(step)?)))
        });
        for (index, at, until) in refusals.take(4) {
            assert!(until > self.world.now);
            // A policy that has nothing to say any more has no step: so steps are told by name, and caps by their order.
            let steps = &answer.assessments[index].policies;
            let policy = steps[at].policy;
            let nth = steps[..at].iter().filter(|step| step.policy == policy).count();
            for (now, refused) in [(until - Millis(1), true), (until, false)] {
                let later = self.ask(&mut ledger.clone(), transitions, now);
                let step = later.assessments[index].policies.iter().filter(|step| step.policy == policy).nth(nth);
                assert_eq!(step.is_some_and(|step| step.refusal.is_some()), refused, "{policy} at {now:?}");
            }
        }
    }

    /// A cap refuses no earlier than it must.
    fn caps_are_counted(&self, answer: &Qualified, ledger: &Ledger) {
        if ledger.forgotten.is_some() {
            return;
        }
        for assessment in &answer.assessments {
            let campaign = self.book.get(&assessment.campaign).unwrap();
            let (_, place) = self.doors.iter().find(|(region, _)| region.id == assessment.region).unwrap();
            let new = Remembered {
                at: self.world.now,
                trigger: id!(TriggerId, "new"),
                campaign: campaign.id.clone(),
                topic: campaign.topic.clone(),
                place: place.id.clone(),
                brand: place.brand.clone(),
            };
            let steps = assessment.policies.iter().filter(|step| step.policy.ends_with("-cap"));
            for (cap, step) in campaign.caps.iter().zip(steps) {
                let young = |sent: &&Remembered| sent.at > new.at - length(cap) && in_scope(cap.scope, sent, &new);
                let count = self.live.iter().filter(young).count();
                assert_eq!(step.refusal.is_none(), count < cap.limit as usize, "{cap:?}, {count} sent: {step:?}");
            }
        }
    }
}

/// Of a rolling window; this test has no others.
fn length(cap: &Cap) -> Millis {
    match cap.window {
        CapWindow::Rolling(window) => window,
        CapWindow::Calendar(calendar) => panic!("{calendar:?} is tested elsewhere"),
    }
}

fn in_scope(scope: CapScope, sent: &Remembered, new: &Remembered) -> bool {
    match scope {
        CapScope::Customer => true,
        CapScope::Brand => sent.brand == new.brand,
        CapScope::Topic => sent.topic == new.topic,
        CapScope::Place => sent.place == new.place,
        CapScope::Campaign => sent.campaign == new.campaign,
    }
}

/// The most messages in any window of that length whose end will do. A fullest one ends at a message, or just before
/// a message falls out of it.
fn fullest(times: &[ServerTime], window: Millis, will_do: impl Fn(ServerTime) -> bool) -> usize {
    let ends = times.iter().flat_map(|at| [*at, *at + window - Millis(1)]).filter(|end| will_do(*end));
    ends.map(|end| times.iter().filter(|at| **at > end - window && **at <= end).count()).max().unwrap_or(0)
}

/// What a store does: the ledger to plain numbers and text, and back.
fn stored_and_read_back(ledger: &Ledger) -> Ledger {
    let sends: Vec<_> = ledger
        .sends
        .iter()
        .map(|sent| {
            let ids = [
                sent.trigger.as_str(),
                sent.campaign.as_str(),
                sent.topic.as_str(),
                sent.region.as_str(),
                sent.place.as_str(),
                sent.brand.as_str(),
                sent.visit.as_str(),
            ];
            (sent.at.0, ids.join(" "), sent.pace.map(|pace| (pace.before, pace.refill.0)), sent.transactional)
        })
        .collect();
    let pace: Vec<(String, u64)> = ledger.pace.iter().map(|(id, arrival)| (id.to_string(), *arrival)).collect();
    let forgotten = ledger.forgotten.map(|at| at.0);

    let send = |(at, ids, pace, transactional): (i64, String, Option<(u64, i64)>, bool)| {
        let ids: Vec<_> = ids.split(' ').collect();
        Sent {
            at: ServerTime(at),
            trigger: id!(TriggerId, ids[0]),
            campaign: id!(CampaignId, ids[1]),
            topic: id!(TopicId, ids[2]),
            region: RegionId::parse("region", ids[3]).unwrap(),
            place: id!(PlaceId, ids[4]),
            brand: id!(BrandId, ids[5]),
            visit: id!(VisitId, ids[6]),
            pace: pace.map(|(before, refill)| PaceTaken { before, refill: Millis(refill) }),
            transactional,
        }
    };
    Ledger {
        sends: sends.into_iter().map(send).collect(),
        pace: pace.into_iter().map(|(name, arrival)| (id!(CampaignId, &name), arrival)).collect::<BTreeMap<_, _>>(),
        forgotten: forgotten.map(ServerTime),
    }
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000);
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_sequence_of_events_beats_a_limit((shared, campaigns) in campaigns(), events in vec(event(), 1..60)) {
        let mut street = Street::new(&campaigns);
        prop_assert_eq!(street.world.now, NOW);
        for event in &events {
            street.happen(event);
            if shared {
                street.shared_caps_hold(&campaigns[0].caps);
            }
        }
    }
}
