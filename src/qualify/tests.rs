//! One small world for all the tests, and the ways to ask it.

mod arbiter;
mod audience;
mod book;
mod caps;
mod channels;
mod events;
mod holding;
mod hours;
mod ledger;
mod limits;
mod local_time;
mod policies;
mod preferences;
mod properties;
mod stages;

use super::{CampaignBook, Events, Ledger, Occasion, Person, Qualified, Sent, Stages, Visits, qualify};
use crate::model::campaign::{CHANNELS_DEFAULT, PRIORITY_DEFAULT, TIME_TO_LIVE_DEFAULT};
use crate::model::{
    ActiveWindow, BeaconExtent, Campaign, Cooldown, Customer, DailySpan, Device, DeviceTime, Extent, LocationConsent,
    Message, Metres, Millis, OutsideHours, Place, Platform, Proximity, Region, RegionSelector, ServerTime, Topic,
    TopicDefault, Transition, TransitionKind, Uuid,
};
use std::sync::Arc;

/// When the tests play.
pub(super) const NOW: ServerTime = ServerTime(1_800_000_000_000);

/// An id of any kind.
macro_rules! id {
    ($kind:ident, $id:expr) => {
        crate::model::$kind::parse("id", $id).unwrap()
    };
}
pub(super) use id;

/// One customer, who has agreed to everything, comes through one door of the brand `roost`; the campaign `latte`,
/// without limits, wants to speak.
pub(super) struct World {
    pub(super) campaign: Campaign,
    pub(super) customer: Customer,
    pub(super) ledger: Ledger,
    pub(super) place: Place,
    pub(super) region: Region,
    pub(super) transition: Transition,
    pub(super) age: Millis,
    pub(super) zone: &'static str,
    pub(super) quiet: Option<DailySpan>,
    pub(super) now: ServerTime,
    pub(super) device: Device,
    pub(super) events: Events,
    pub(super) visits: Visits,
    pub(super) stages: Stages,
    pub(super) topic_default: TopicDefault,
    pub(super) in_app: bool,
}

impl World {
    pub(super) fn new() -> Self {
        let mut customer = Customer::new(id!(CustomerId, "ada"));
        customer.consent = Some(LocationConsent::answered(true, NOW));
        customer.topics.opt_in(id!(TopicId, "offers"));
        Self {
            campaign: campaign("latte"),
            customer,
            ledger: Ledger::default(),
            place: place("tremont", "roost"),
            region: region("door", "tremont"),
            transition: enter("door", "visit"),
            age: Millis(0),
            zone: "America/Denver",
            quiet: None,
            now: NOW,
            device: Device {
                id: id!(DeviceId, "phone"),
                platform: Platform::Ios,
                push_address: String::new(),
                locale: "en-US".into(),
                time_zone: None,
                app_version: None,
            },
            events: Events::default(),
            visits: Visits::default(),
            stages: Stages::default(),
            topic_default: TopicDefault::OptIn,
            in_app: false,
        }
    }

    /// Writes down a message that has nothing in common with the one at hand, but for what `change` makes it share.
    pub(super) fn sent(&mut self, at: ServerTime, change: impl FnOnce(&mut Sent)) {
        let mut sent = Sent {
            at,
            trigger: id!(TriggerId, &format!("t{}", self.ledger.sends.len())),
            campaign: id!(CampaignId, "other"),
            topic: id!(TopicId, "other"),
            region: id!(RegionId, "other"),
            place: id!(PlaceId, "other"),
            brand: id!(BrandId, "other"),
            visit: id!(VisitId, "other"),
            pace: None,
            transactional: false,
        };
        change(&mut sent);
        let position = self.ledger.sends.partition_point(|earlier| earlier.at <= at);
        self.ledger.sends.insert(position, sent);
    }

    /// Lets the campaign ask. A win stays in the ledger.
    pub(super) fn ask(&mut self) -> Qualified {
        let topic =
            Topic { id: self.campaign.topic.clone(), display_name: "Topic".into(), default: self.topic_default };
        let book = CampaignBook::with_topics([Arc::new(self.campaign.clone())], [Arc::new(topic)]);
        let occasion = Occasion {
            transition: &self.transition,
            region: &self.region,
            place: &self.place,
            age: self.age,
            nearness: Metres(0.0),
            zone: self.zone,
            quiet: self.quiet,
            held: None,
            settle: None,
            person: Person {
                devices: &[&self.device],
                events: &self.events,
                visits: &self.visits,
                stages: &self.stages,
            },
            in_app: self.in_app,
        };
        qualify(&book, &self.customer, &mut self.ledger, &[occasion], self.now)
    }
}

/// A campaign on entering any region of `roost`, without limits.
pub(super) fn campaign(name: &str) -> Campaign {
    Campaign {
        id: id!(CampaignId, name),
        display_name: name.into(),
        regions: RegionSelector { brands: [id!(BrandId, "roost")].into(), ..RegionSelector::default() },
        on: TransitionKind::Enter,
        topic: id!(TopicId, "offers"),
        message: Message { title: name.into(), body: name.into(), ..Message::default() },
        cooldown: Cooldown::default(),
        caps: Vec::new(),
        pace: None,
        priority: PRIORITY_DEFAULT,
        value: 0.0,
        active: ActiveWindow::default(),
        paused: false,
        time_to_live: TIME_TO_LIVE_DEFAULT,
        min_gap: None,
        transactional: false,
        hours: Vec::new(),
        while_closed: false,
        outside_hours: OutsideHours::Drop,
        audience: None,
        journey: None,
        measure: crate::model::Measure::default(),
        channels: CHANNELS_DEFAULT.to_vec(),
    }
}

pub(super) fn place(name: &str, brand: &str) -> Place {
    Place {
        id: id!(PlaceId, name),
        display_name: name.into(),
        brand: id!(BrandId, brand),
        time_zone: "America/Denver".into(),
        opening_hours: None,
        tags: Vec::new(),
    }
}

pub(super) fn region(name: &str, place: &str) -> Region {
    let (uuid, proximity) = (Uuid(7), Proximity::Far);
    Region {
        id: id!(RegionId, name),
        place: id!(PlaceId, place),
        display_name: name.into(),
        extent: Extent::Beacon(BeaconExtent { uuid, major: None, minor: None, proximity, group: None }),
        dwell: Millis::from_mins(5),
        tags: Vec::new(),
    }
}

pub(super) fn enter(region: &str, visit: &str) -> Transition {
    Transition {
        kind: TransitionKind::Enter,
        region: id!(RegionId, region),
        visit: id!(VisitId, visit),
        visit_start: DeviceTime(NOW.0),
        belated: false,
        happened: DeviceTime(NOW.0),
        decided: DeviceTime(NOW.0),
    }
}
