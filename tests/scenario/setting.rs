//! What stands before anything happens: places, regions, campaigns, customers.

use super::words::{Day, Read, Spots, Words, id, ids, number, position, quantity, span, unknown, value};
use doorstep::engine::{Catalogue, CustomerState, DeviceState, Manners};
use doorstep::files;
use doorstep::locate::{Atlas, Shape, Zones};
use doorstep::message::MessageBook;
use doorstep::model::place::DWELL_DEFAULT;
use doorstep::model::{
    BeaconExtent, BrandId, CampaignId, Circle, Customer, CustomerId, DailySpan, Device, DeviceId, Extent, Fence,
    GroupId, Journey, LocationConsent, Message, Metres, OpeningHours, Place, PlaceId, Platform, Polygon, Position,
    Proximity, QuietHours, Region, RegionId, Ring, Rule, ServerTime, Tag, Topic, TopicDefault, TopicId, Uuid,
    Version, Zone, ZoneId,
};
use doorstep::qualify::{CampaignBook, JourneyBook};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All that the lines before the first `at` say.
#[derive(Debug, Default)]
pub(super) struct Setting {
    places: Vec<Place>,
    regions: Vec<Region>,
    campaigns: Vec<doorstep::model::Campaign>,
    journeys: Vec<Journey>,
    topics: Vec<Topic>,
    zones: Vec<Zone>,
    customers: BTreeMap<CustomerId, CustomerState>,
    /// Whose each device is.
    pub(super) owners: BTreeMap<DeviceId, CustomerId>,
    /// Names of positions: the spots, and the centre of each circle by its region's id.
    pub(super) spots: Spots,
    /// What is decided for all customers.
    pub(super) manners: Manners,
    /// The campaigns whose messages are told.
    pub(super) worded: BTreeSet<CampaignId>,
    /// Short names of beacon UUIDs.
    pub(super) uuids: BTreeMap<String, Uuid>,
}

impl Setting {
    /// Takes one line that does not begin with `at` or `day`.
    pub(super) fn take(&mut self, kind: &str, mut words: Words<'_>, day: Option<&Day>) -> Read<()> {
        match kind {
            "use" => {
                let what = words.take("what to use, such as denver")?;
                words.end()?;
                self.load(what)
            }
            "spot" => {
                let name = words.take("the spot's name")?;
                let place = position(words.take("LAT,LON")?, &self.spots)?;
                self.spots.insert(name.to_owned(), place);
                words.end()
            }
            "uuid" => {
                let name = words.take("the name")?;
                let uuid = id("uuid", words.take("the UUID")?, Uuid::parse)?;
                self.uuids.insert(name.to_owned(), uuid);
                words.end()
            }
            "place" => self.place(words, day),
            "fence" => self.fence(words),
            "zone" => self.zone(words),
            "beacon" => self.beacon(words),
            "campaign" => {
                self.campaigns.push(super::campaign::read(words, day)?);
                Ok(())
            }
            "customer" => self.customer(words),
            "settle" => {
                self.manners.settle = span("settle", words.take("a span such as 3s")?)?;
                words.end()
            }
            "device" => self.device(words),
            "audience" => self.audience(words),
            "message" => self.message(words),
            "journey" => {
                self.journeys.push(read_journey(words)?);
                Ok(())
            }
            "topic" => {
                let id = id("topic", words.take("the topic's id")?, TopicId::parse)?;
                let default = match words.take("opt-in or opt-out")? {
                    "opt-in" => TopicDefault::OptIn,
                    "opt-out" => TopicDefault::OptOut,
                    other => return Err(unknown(other, "opt-in and opt-out")),
                };
                self.topics.push(Topic { display_name: id.to_string(), id, default });
                words.end()
            }
            "quiet-hours" => {
                self.manners.quiet_hours = Some(daily(words.take("hours such as 21:00-08:00")?)?);
                words.end()
            }
            other => Err(format!(
                "begins with {other:?}; must begin with at, day, use, spot, uuid, place, fence, zone, beacon, quiet-hours, settle, campaign, customer, device, audience, message, journey or topic"
            )),
        }
    }

    /// The catalogue and the customers, ready to begin.
    pub(super) fn build(&self) -> Read<(Catalogue, BTreeMap<CustomerId, CustomerState>)> {
        let places = self.places.iter().cloned().map(Arc::new);
        let atlas =
            Atlas::build(places, self.regions.iter().cloned().map(Arc::new)).map_err(|why| why.to_string())?;
        let campaigns = CampaignBook::with_topics(
            self.campaigns.iter().cloned().map(Arc::new),
            self.topics.iter().cloned().map(Arc::new),
        );
        let journeys = JourneyBook::build(self.journeys.iter().cloned().map(Arc::new));
        let said: Vec<Arc<doorstep::model::Campaign>> = self.campaigns.iter().cloned().map(Arc::new).collect();
        let messages = MessageBook::build(&said);
        let zones = self.guard()?;
        let atlas = atlas.without(&zones.silenced(&atlas));
        Ok((Catalogue { atlas, campaigns, journeys, messages, zones: Arc::new(zones) }, self.customers.clone()))
    }

    /// `audience CAMPAIGN RULE`: the rule as in a file of campaigns, on one line.
    fn audience(&mut self, mut words: Words<'_>) -> Read<()> {
        let name = words.take("the campaign's id")?;
        let rule = read_rule(words)?;
        let known = self.campaigns.iter_mut().find(|campaign| campaign.id.as_str() == name);
        known.ok_or_else(|| format!("has the campaign {name}, which stands nowhere above"))?.audience = Some(rule);
        Ok(())
    }

    /// `message CAMPAIGN MESSAGE`: the message as in a file of campaigns, on one line.
    fn message(&mut self, mut words: Words<'_>) -> Read<()> {
        let name = words.take("the campaign's id")?;
        let message = files::read_message(&words.rest())
            .map_err(|why| format!("has no message: {:#}", anyhow::Error::from(why)))?;
        let message = Message::try_from(doorstep::wire::v1::Message::from(&message))
            .map_err(|why| format!("has a message whose {why}"))?;
        let known = self.campaigns.iter_mut().find(|campaign| campaign.id.as_str() == name);
        let campaign = known.ok_or_else(|| format!("has the campaign {name}, which stands nowhere above"))?;
        campaign.message = message;
        self.worded.insert(campaign.id.clone());
        doorstep::message::check(campaign).map_err(|why| format!("has a message whose {why}"))
    }

    /// `device DEVICE platform=android locale=es-MX app=2.10 zone=Europe/Berlin`.
    fn device(&mut self, mut words: Words<'_>) -> Read<()> {
        let name = words.take("the device's id")?;
        let owner = self.owners.get(name).and_then(|owner| self.customers.get_mut(owner));
        let own = owner.and_then(|state| state.devices.get_mut(name));
        let device = &mut own.ok_or_else(|| format!("has the device {name}, which no customer above has"))?.device;
        for (key, text) in words.settings() {
            match (key, value(key, text)?) {
                ("platform", "ios") => device.platform = Platform::Ios,
                ("platform", "android") => device.platform = Platform::Android,
                ("platform", "web") => device.platform = Platform::Web,
                ("locale", tag) => tag.clone_into(&mut device.locale),
                ("app", version) => device.app_version = Some(id("app", version, Version::parse)?),
                ("zone", zone) => device.time_zone = Some(zone.to_owned()),
                (other, _) => return Err(unknown(other, "platform=ios, android or web, locale=, app= and zone=")),
            }
        }
        Ok(())
    }

    fn load(&mut self, what: &str) -> Read<()> {
        let (set, part) = what.split_once('/').map_or((what, None), |(set, part)| (set, Some(part)));
        if !matches!(part, None | Some("regions" | "campaigns" | "customers")) {
            return Err(unknown(what, "SET, SET/regions, SET/campaigns and SET/customers"));
        }
        let read = |file: &str| {
            let path = super::fixtures().join(set).join(file);
            std::fs::read_to_string(&path)
                .map_err(|why| format!("uses {}, which does not open: {why}", path.display()))
        };
        let wants = |name| part.is_none_or(|part| part == name);
        if wants("regions") {
            let text = read("regions.geojson")?;
            let (places, regions) =
                files::read_regions(&text, &files::Defaults::default()).map_err(|why| why.to_string())?;
            self.places.extend(places);
            for region in regions {
                self.add(region);
            }
        }
        if wants("campaigns") {
            self.campaigns.extend(files::read_campaigns(&read("campaigns.yaml")?).map_err(|why| why.to_string())?);
        }
        if wants("customers") {
            let text = read("customers.yaml")?;
            for roster in files::read_customers(&text, ServerTime(0)).map_err(|why| why.to_string())? {
                self.enrol(roster.customer, roster.devices)?;
            }
        }
        Ok(())
    }

    fn place(&mut self, mut words: Words<'_>, day: Option<&Day>) -> Read<()> {
        let name = words.take("the place's id")?;
        let mut brand = None;
        let mut zone = day.and_then(|day| day.zone.iana_name()).unwrap_or("UTC").to_owned();
        let mut tags = Vec::new();
        let mut open = None;
        for (key, text) in words.settings() {
            match key {
                "brand" => brand = Some(id("brand", value(key, text)?, BrandId::parse)?),
                "zone" => value(key, text)?.clone_into(&mut zone),
                "tags" => tags = ids("tags", value(key, text)?, Tag::parse)?,
                // Words are set apart by blanks, and so are the parts of opening hours.
                "open" => open = Some(value(key, text)?.replace('_', " ")),
                other => return Err(unknown(other, "brand=, zone=, open= and tags=")),
            }
        }
        self.places.push(Place {
            id: id("place", name, PlaceId::parse)?,
            display_name: name.to_owned(),
            brand: brand.ok_or("has no brand; write brand=…")?,
            time_zone: zone,
            tags,
            opening_hours: open.map(|text| id("open", &text, OpeningHours::parse)).transpose()?,
        });
        Ok(())
    }

    /// The zones, by position.
    fn guard(&self) -> Read<Zones> {
        Zones::build(self.zones.iter().cloned().map(Arc::new)).map_err(|why| why.to_string())
    }

    /// `zone ID clinic at LAT,LON radius=40m`, or an outline.
    fn zone(&mut self, mut words: Words<'_>) -> Read<()> {
        let id = id("zone", words.take("the zone's id")?, ZoneId::parse)?;
        let kind = files::read_zone_kind(words.take("a kind such as clinic")?).map_err(|why| why.to_string())?;
        let fence = self.ground(words, |other, _| Err(unknown(other, "at LAT,LON, radius=, outline= and hole=")))?;
        if let Fence::Circle(circle) = &fence {
            self.spots.insert(id.to_string(), circle.center);
        }
        self.zones.push(Zone { display_name: id.to_string(), id, kind, fence });
        Ok(())
    }

    fn fence(&mut self, mut words: Words<'_>) -> Read<()> {
        let mut about = About::new(words.take("the region's id")?)?;
        let fence =
            self.ground(words, |other, text| about.take(other, text, "at LAT,LON, radius=, outline=, hole="))?;
        let shape = Shape::prepare(&fence).map_err(|why| why.to_string())?;
        // As the server does: one that was there before the zone keeps silent.
        if let Some(zone) = self.guard()?.under(&fence, &shape).first() {
            return Err(format!("shares ground with the zone {}", zone.id));
        }
        let region = about.region(Extent::Fence(fence))?;
        self.add(region);
        Ok(())
    }

    /// What lies on the ground; what else is said goes to `also`.
    fn ground(&self, mut words: Words<'_>, mut also: impl FnMut(&str, Option<&str>) -> Read<()>) -> Read<Fence> {
        let (mut center, mut radius, mut polygons) = (None, None, Vec::<Polygon>::new());
        while let Some(word) = words.any() {
            let (key, text) = word.split_once('=').map_or((word, None), |(key, text)| (key, Some(text)));
            match (key, polygons.last_mut()) {
                ("at", _) => center = Some(position(words.take("LAT,LON")?, &self.spots)?),
                ("radius", _) => radius = Some(Metres(quantity(key, value(key, text)?, "m")?)),
                ("outline", _) => polygons.push(Polygon { rings: vec![self.ring(value(key, text)?)?] }),
                ("hole", Some(polygon)) => polygon.rings.push(self.ring(value(key, text)?)?),
                ("hole", None) => return Err("has a hole before its outline=".to_owned()),
                (other, _) => also(other, text)?,
            }
        }
        match (center, radius, polygons.len()) {
            (Some(center), Some(radius), 0) => {
                Ok(Fence::Circle(Circle::new(center, radius).map_err(|why| why.to_string())?))
            }
            (None, None, 1) => Ok(Fence::Polygon(polygons.remove(0))),
            (None, None, 2..) => Ok(Fence::MultiPolygon(polygons)),
            (..) => Err("must have either at LAT,LON and radius=40m, or outline=A;B;C".to_owned()),
        }
    }

    /// A ring from its corners; the first need not be written again.
    fn ring(&self, text: &str) -> Read<Ring> {
        let mut points: Vec<Position> =
            text.split(';').map(|corner| position(corner, &self.spots)).collect::<Read<_>>()?;
        points.extend(points.first().copied().filter(|first| points.last() != Some(first)));
        Ok(Ring { points })
    }

    fn beacon(&mut self, mut words: Words<'_>) -> Read<()> {
        let mut about = About::new(words.take("the region's id")?)?;
        let (mut uuid, mut major, mut minor, mut group) = (None, None, None, None);
        let mut proximity = Proximity::Far;
        for (key, text) in words.settings() {
            match key {
                "uuid" => uuid = Some(self.uuid(value(key, text)?)?),
                "major" => major = Some(number(key, value(key, text)?)?),
                "minor" => minor = Some(number(key, value(key, text)?)?),
                "group" => group = Some(id(key, value(key, text)?, GroupId::parse)?),
                "proximity" => {
                    proximity = match value(key, text)? {
                        "immediate" => Proximity::Immediate,
                        "near" => Proximity::Near,
                        "far" => Proximity::Far,
                        other => return Err(unknown(other, "immediate, near and far")),
                    }
                }
                other => about.take(other, text, "uuid=, major=, minor=, proximity=, group=")?,
            }
        }
        let uuid = uuid.ok_or("has no UUID; write uuid=…")?;
        let region = about.region(Extent::Beacon(BeaconExtent { uuid, major, minor, proximity, group }))?;
        self.add(region);
        Ok(())
    }

    /// A UUID, or the short name of one.
    pub(super) fn uuid(&self, text: &str) -> Read<Uuid> {
        self.uuids.get(text).copied().map_or_else(|| id("uuid", text, Uuid::parse), Ok)
    }

    fn add(&mut self, region: Region) {
        if let Extent::Fence(Fence::Circle(circle)) = &region.extent {
            self.spots.insert(region.id.to_string(), circle.center);
        }
        self.regions.push(region);
    }

    fn customer(&mut self, mut words: Words<'_>) -> Read<()> {
        let mut customer = Customer::new(id("customer", words.take("the customer's id")?, CustomerId::parse)?);
        let mut devices: Vec<Device> = Vec::new();
        for (key, text) in words.settings() {
            match (key, value(key, text)?) {
                ("consent", "yes") => customer.consent = Some(consent(true, ServerTime(0))),
                ("consent", "no") => customer.consent = Some(consent(false, ServerTime(0))),
                ("topics", topics) => {
                    let topics: Vec<TopicId> = ids("topics", topics, TopicId::parse)?;
                    for topic in topics {
                        customer.topics.opt_in(topic);
                    }
                }
                ("choices", all) => {
                    for one in all.split(',') {
                        customer.set(&files::read_choice(one).map_err(|why| why.to_string())?);
                    }
                }
                ("stopped", "yes") => customer.stopped = true,
                ("quiet-hours", "none") => customer.quiet_hours = Some(QuietHours::None),
                ("quiet-hours", hours) => customer.quiet_hours = Some(QuietHours::Daily(daily(hours)?)),
                ("devices", names) => devices = names.split(',').map(device).collect::<Read<_>>()?,
                (other, _) => {
                    return Err(unknown(
                        other,
                        "consent=yes, consent=no, topics=, choices=, stopped=yes, quiet-hours= and devices=",
                    ));
                }
            }
        }
        self.enrol(customer, devices)
    }

    fn enrol(&mut self, customer: Customer, devices: Vec<Device>) -> Read<()> {
        let mut state = CustomerState::new(customer);
        let whose = state.customer.id.clone();
        for device in devices {
            if let Some(other) = self.owners.insert(device.id.clone(), whose.clone()) {
                return Err(format!("gives {} to {whose}, but {other} has it", device.id));
            }
            state.devices.insert(device.id.clone(), DeviceState::new(device));
        }
        match self.customers.insert(whose.clone(), state) {
            Some(_) => Err(format!("has the customer {whose} a second time")),
            None => Ok(()),
        }
    }
}

/// A journey as in a file of journeys, on one line, as the server would take it.
fn read_journey(words: Words<'_>) -> Read<Journey> {
    let journey = files::read_journey(&words.rest())
        .map_err(|why| format!("has no journey: {:#}", anyhow::Error::from(why)))?;
    Journey::try_from(doorstep::wire::v1::Journey::from(&journey)).map_err(|why| format!("has a journey whose {why}"))
}

/// A rule as in a file of campaigns, as the server would take it.
fn read_rule(words: Words<'_>) -> Read<Rule> {
    let rule =
        files::read_rule(&words.rest()).map_err(|why| format!("has no rule: {:#}", anyhow::Error::from(why)))?;
    Rule::try_from(doorstep::wire::v1::Rule::from(&rule)).map_err(|why| format!("has a rule whose {why}"))
}

fn daily(text: &str) -> Read<DailySpan> {
    DailySpan::parse("quiet-hours", text).map_err(|why| why.to_string())
}

/// `phone-1`, or `phone-1@Europe/Berlin`.
fn device(text: &str) -> Read<Device> {
    let (name, zone) = text.split_once('@').map_or((text, None), |(name, zone)| (name, Some(zone)));
    Ok(Device {
        id: id("devices", name, DeviceId::parse)?,
        platform: Platform::Ios,
        push_address: String::new(),
        locale: "en-US".to_owned(),
        time_zone: zone.map(str::to_owned),
        app_version: None,
    })
}

/// An answer about consent.
pub(super) fn consent(granted: bool, answered: ServerTime) -> LocationConsent {
    LocationConsent { source: "scenario".to_owned(), ..LocationConsent::answered(granted, answered) }
}

/// What fences and beacon regions have in common.
struct About(Region, bool);

impl About {
    fn new(name: &str) -> Read<Self> {
        let nowhere = Extent::Fence(Fence::MultiPolygon(Vec::new()));
        let region = Region {
            id: id("region", name, RegionId::parse)?,
            place: id("place", name, PlaceId::parse)?,
            display_name: name.to_owned(),
            extent: nowhere,
            dwell: DWELL_DEFAULT,
            tags: Vec::new(),
        };
        Ok(Self(region, false))
    }

    fn take(&mut self, key: &str, text: Option<&str>, others: &str) -> Read<()> {
        match key {
            "place" => (self.0.place, self.1) = (id(key, value(key, text)?, PlaceId::parse)?, true),
            "dwell" => self.0.dwell = span(key, value(key, text)?)?,
            "tags" => self.0.tags = ids(key, value(key, text)?, Tag::parse)?,
            other => return Err(unknown(other, &format!("{others}, place=, dwell= and tags="))),
        }
        Ok(())
    }

    fn region(self, extent: Extent) -> Read<Region> {
        if self.1 { Ok(Region { extent, ..self.0 }) } else { Err("has no place; write place=…".to_owned()) }
    }
}
