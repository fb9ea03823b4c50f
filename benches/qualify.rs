//! What one transition costs where 200 campaigns want to speak about it: every policy asked, every answer kept.
//!
//! Beside it stands the floor: finding the same campaigns and looking up one topic for each, with nothing written down.

use anyhow::{Context as _, Result};
use criterion::{BatchSize, BenchmarkId, Criterion};
use doorstep::files::read_campaigns;
use doorstep::model::{
    BeaconExtent, BrandId, CampaignId, Customer, CustomerId, DeviceTime, Extent, LocationConsent, Metres, Millis,
    Place, PlaceId, Proximity, Region, RegionId, ServerTime, TopicId, Transition, TransitionKind, TriggerId, Uuid,
    VisitId,
};
use doorstep::qualify::{CampaignBook, Ledger, Occasion, Person, Sent, qualify};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

const CAMPAIGNS: usize = 200;
const NOON: i64 = 1_784_138_400_000;

/// What each campaign asks for, as marketers write it.
const LIMITS: [(&str, &str); 3] = [
    ("without limits", ""),
    ("caps and cooldown", "cooldown: { brand: 4h }, caps: [{ scope: customer, limit: 3, window: 24h }]"),
    (
        "all limits",
        "cooldown: { brand: 4h, region: 1d }, min_gap: 10m, pace: { burst: 3, refill: 1h }, \
         hours: [{ from: '07:00', until: '21:00' }], audience: { none: [{ event: { name: complaint } }] }, \
         caps: [{ scope: customer, limit: 3, window: 24h }, { scope: brand, limit: 2, calendar: week }]",
    ),
];

fn main() -> Result<()> {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let mut group = criterion.benchmark_group(format!("a transition, {CAMPAIGNS} campaigns"));
    for (name, limits) in LIMITS {
        let street = Street::new(limits)?;
        let occasion = street.occasion();
        for sends in [0, 20] {
            let ledger = street.ledger(sends)?;
            group.bench_function(BenchmarkId::new(name, format!("{sends} messages before")), |bencher| {
                bencher.iter_batched_ref(
                    || ledger.clone(),
                    |ledger| qualify(&street.book, &street.customer, ledger, &[occasion], ServerTime(NOON)),
                    // As in a server, an answer is gone before the next is formed.
                    BatchSize::PerIteration,
                );
            });
        }
    }
    let street = Street::new("")?;
    group.bench_function("floor", |bencher| {
        bencher.iter(|| {
            for campaign in street.book.applying(&street.region, &street.place, TransitionKind::Enter) {
                black_box(street.customer.topics.of(&campaign.topic));
            }
        });
    });
    group.finish();
    criterion.final_summary();
    Ok(())
}

/// A customer who wants to hear comes through a door about which all campaigns want to speak.
struct Street {
    book: CampaignBook,
    customer: Customer,
    place: Place,
    region: Region,
    transition: Transition,
}

impl Street {
    fn new(limits: &str) -> Result<Self> {
        let entry = |n| {
            let comma = if limits.is_empty() { "" } else { ", " };
            format!(
                "  - {{ id: campaign-{n:03}, topic: offers, priority: {}, regions: {{ brands: [roost] }}, \
                 message: {{ title: Latte, body: Half price today }}{comma}{limits} }}\n",
                n % 100,
            )
        };
        let text: String = (0..CAMPAIGNS).map(entry).collect();
        let campaigns = read_campaigns(&format!("campaigns:\n{text}")).context("reading the campaigns")?;
        let mut customer = Customer::new(CustomerId::parse("customer", "ada")?);
        let answered = ServerTime(NOON - 1);
        customer.consent = Some(LocationConsent::answered(true, answered));
        customer.topics.opt_in(TopicId::parse("topic", "offers")?);
        let region = RegionId::parse("region", "door")?;
        let (uuid, proximity, happened) = (Uuid(7), Proximity::Far, DeviceTime(NOON - 1_500));
        Ok(Self {
            book: CampaignBook::build(campaigns.into_iter().map(Arc::new)),
            customer,
            place: Place {
                id: PlaceId::parse("place", "tremont")?,
                display_name: "Tremont".to_owned(),
                brand: BrandId::parse("brand", "roost")?,
                time_zone: "America/Denver".to_owned(),
                opening_hours: None,
                tags: Vec::new(),
            },
            region: Region {
                id: region.clone(),
                place: PlaceId::parse("place", "tremont")?,
                display_name: "Door".to_owned(),
                extent: Extent::Beacon(BeaconExtent { uuid, major: None, minor: None, proximity, group: None }),
                dwell: Millis::from_mins(5),
                tags: Vec::new(),
            },
            transition: Transition {
                kind: TransitionKind::Enter,
                region,
                visit: VisitId::parse("visit", "visit")?,
                visit_start: happened,
                happened,
                decided: happened,
                belated: false,
            },
        })
    }

    fn occasion(&self) -> Occasion<'_> {
        Occasion {
            transition: &self.transition,
            region: &self.region,
            place: &self.place,
            age: Millis(1_500),
            nearness: Metres(-3.0),
            zone: &self.place.time_zone,
            quiet: None,
            held: None,
            settle: None,
            person: Person::UNKNOWN,
            in_app: false,
        }
    }

    /// So many messages, two days and more ago: they are counted, and none of them refuses.
    fn ledger(&self, sends: i64) -> Result<Ledger> {
        let mut ledger = Ledger::default();
        for n in (0..sends).rev() {
            let id = format!("earlier-{n}");
            ledger.sends.push(Sent {
                at: ServerTime(NOON) - Millis::from_days(8) - Millis::from_mins(40 * n),
                trigger: TriggerId::parse("trigger", &id)?,
                campaign: CampaignId::parse("campaign", &id)?,
                topic: TopicId::parse("topic", "offers")?,
                region: self.region.id.clone(),
                place: self.place.id.clone(),
                brand: self.place.brand.clone(),
                visit: VisitId::parse("visit", &id)?,
                pace: None,
                transactional: false,
            });
        }
        Ok(ledger)
    }
}
