//! What a naive trigger would have sent, and what was there to be passed.
//!
//! The naive trigger looks at nothing but the raw fixes: each time one lies inside a fence and the one before it
//! did not, it sends an alert. That is what an app does that compares coordinates.

use crate::route::{Route, Truth};
use doorstep::locate::{Atlas, Site};
use doorstep::model::{DeviceTime, Millis, Ping, Position, RegionId, TransitionKind};
use doorstep::qualify::CampaignBook;
use std::collections::BTreeSet;

/// One time that a fence was come into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossing {
    /// When.
    pub at: DeviceTime,
    /// The fence.
    pub region: RegionId,
}

/// The alerts that a naive trigger would send on these pings of one phone: one for each time the raw fix goes from
/// outside to inside, at the fences where coming in sets off a campaign that is not paused. Pings without a fix are
/// passed over; before the first fix the phone is outside.
pub fn naive_alerts(atlas: &Atlas, campaigns: &CampaignBook, pings: &[Ping]) -> Vec<Crossing> {
    let doors: Vec<&Site> = atlas.sites().filter(|site| speaks_on_enter(campaigns, site)).collect();
    crossings(&doors, pings.iter().filter_map(|ping| Some((ping.observed, ping.fix?.position))))
}

/// The fences, with or without a campaign, that the true path comes into, each time it does; looked at each second.
pub fn doors_passed(atlas: &Atlas, route: &Route) -> Vec<Crossing> {
    let doors: Vec<&Site> = atlas.sites().collect();
    crossings(&doors, route.sample(Millis::from_secs(1)).map(|Truth { at, position }| (at, position)))
}

fn speaks_on_enter(campaigns: &CampaignBook, site: &Site) -> bool {
    campaigns.applying(&site.region, &site.place, TransitionKind::Enter).any(|campaign| !campaign.paused)
}

fn crossings(doors: &[&Site], positions: impl Iterator<Item = (DeviceTime, Position)>) -> Vec<Crossing> {
    let mut inside: BTreeSet<&RegionId> = BTreeSet::new();
    let mut crossings = Vec::new();
    for (at, position) in positions {
        for site in doors {
            // A beacon region has no distance, and a naive trigger knows no beacons.
            let is_inside = site.signed_distance(position).is_some_and(|distance| distance.0 <= 0.0);
            let id = &site.region.id;
            if !is_inside {
                inside.remove(id);
            } else if inside.insert(id) {
                crossings.push(Crossing { at, region: id.clone() });
            }
        }
    }
    crossings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::offset;
    use doorstep::model::{
        ActiveWindow, AppState, BrandId, Campaign, CampaignId, Circle, Cooldown, Extent, Fence, Fix, Message, Metres,
        Place, PlaceId, Region, RegionSelector, Sequence, TopicId,
    };
    use std::sync::Arc;

    fn here() -> Position {
        Position::new(39.74, -104.99).unwrap()
    }

    /// A door of 30 m around here, of brand `roost`, and one of brand `quiet` that nobody says anything about.
    fn atlas() -> Atlas {
        let place = |id: &str, brand: &str| Place {
            id: PlaceId::parse("id", id).unwrap(),
            display_name: id.to_owned(),
            brand: BrandId::parse("brand", brand).unwrap(),
            time_zone: "America/Denver".to_owned(),
            opening_hours: None,
            tags: Vec::new(),
        };
        let region = |id: &str| Region {
            id: RegionId::parse("id", id).unwrap(),
            place: PlaceId::parse("id", id).unwrap(),
            display_name: id.to_owned(),
            extent: Extent::Fence(Fence::Circle(Circle::new(here(), Metres(30.0)).unwrap())),
            dwell: Millis::from_mins(5),
            tags: Vec::new(),
        };
        let places = [place("loud", "roost"), place("still", "quiet")].map(Arc::new);
        Atlas::build(places, [region("loud"), region("still")].map(Arc::new)).unwrap()
    }

    fn campaigns(paused: bool) -> CampaignBook {
        let brands = BTreeSet::from([BrandId::parse("brand", "roost").unwrap()]);
        CampaignBook::build([Arc::new(Campaign {
            id: CampaignId::parse("id", "latte").unwrap(),
            display_name: String::new(),
            regions: RegionSelector { brands, ..RegionSelector::default() },
            on: TransitionKind::Enter,
            topic: TopicId::parse("topic", "offers").unwrap(),
            message: Message::default(),
            cooldown: Cooldown::default(),
            caps: Vec::new(),
            pace: None,
            priority: 50,
            value: 0.0,
            active: ActiveWindow::default(),
            paused,
            time_to_live: Millis::from_mins(15),
            min_gap: None,
            transactional: false,
            hours: Vec::new(),
            while_closed: false,
            outside_hours: doorstep::model::OutsideHours::Drop,
            audience: None,
            journey: None,
            measure: doorstep::model::Measure::default(),
            channels: doorstep::model::campaign::CHANNELS_DEFAULT.to_vec(),
        })])
    }

    /// Pings at these distances north of the door's middle; none where there is no fix.
    fn check(north_m: &[Option<f64>], paused: bool, expected: &[i64]) {
        let pings: Vec<Ping> = (1i64..)
            .zip(north_m)
            .map(|(second, north)| Ping {
                sequence: Sequence(second.cast_unsigned()),
                observed: DeviceTime(second),
                fix: north.map(|north| Fix {
                    position: offset(here(), 0.0, north),
                    accuracy: Metres(5.0),
                    speed_mps: None,
                    course_deg: None,
                    mock: false,
                }),
                sightings: Vec::new(),
                app: AppState::Unknown,
            })
            .collect();
        let alerts = naive_alerts(&atlas(), &campaigns(paused), &pings);
        assert_eq!(alerts.iter().map(|alert| alert.at.0).collect::<Vec<_>>(), expected, "{north_m:?}");
    }

    #[test]
    fn each_step_from_outside_to_inside_counts_where_a_campaign_speaks() {
        check(&[Some(40.0), Some(20.0), Some(10.0), Some(40.0), Some(29.0)], false, &[2, 5]);
        check(&[Some(0.0), Some(50.0)], false, &[1]);
        check(&[Some(10.0), None, Some(10.0)], false, &[1]);
        check(&[Some(50.0), Some(31.0)], false, &[]);
        check(&[Some(10.0)], true, &[]);
    }
}
