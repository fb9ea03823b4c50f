//! Campaigns.

use super::place::display_name;
use super::{choice, each, hours, ids, journey, limits, measure, message, name, required, time, v1};
use crate::model::campaign::{CAPS_MAX, CHANNELS_DEFAULT, PRIORITY_DEFAULT, TIME_TO_LIVE_DEFAULT};
use crate::model::invalid::{at_most, in_range};
use crate::model::{
    ActiveWindow, BrandId, Campaign, Cap, Cooldown, Invalid, Millis, RegionSelector, Tag, TopicId, TransitionKind,
};

const SELECTED_REGIONS_MAX: usize = 1_000;
const SELECTED_LABELS_MAX: usize = 100;
const VALUE_MAX: f64 = 1_000_000.0;
const TIME_TO_LIVE_MIN: Millis = Millis::from_secs(10);
const TIME_TO_LIVE_MAX: Millis = Millis::from_days(7);

impl TryFrom<v1::Campaign> for Campaign {
    type Error = Invalid;

    fn try_from(wire: v1::Campaign) -> Result<Self, Invalid> {
        let id = name::campaign("name", &wire.name)?;
        at_most("caps", wire.caps.len(), CAPS_MAX)?;
        let span = |wire| time::millis_within("time_to_live", wire, TIME_TO_LIVE_MIN, TIME_TO_LIVE_MAX);
        let campaign = Self {
            display_name: display_name(&wire.display_name, id.as_str())?,
            regions: part("regions", required("regions", wire.regions)?)?,
            on: match choice("transition", wire.transition, TRANSITIONS)? {
                v1::TransitionKind::Unspecified => TransitionKind::Enter,
                known => transition_kind("transition", known)?,
            },
            topic: TopicId::parse("topic", &wire.topic)?,
            message: part("message", required("message", wire.message)?)?,
            cooldown: wire.cooldown.map(|wire| part("cooldown", wire)).transpose()?.unwrap_or_default(),
            caps: each("caps", wire.caps, Cap::try_from)?,
            pace: wire.pace.map(|wire| part("pace", wire)).transpose()?,
            priority: wire.priority.map(priority).transpose()?.unwrap_or(PRIORITY_DEFAULT),
            value: in_range("value", wire.value, 0.0, VALUE_MAX, "in the one unit of all campaigns")?,
            active: wire.active_window.map(|wire| part("active_window", wire)).transpose()?.unwrap_or_default(),
            paused: wire.paused,
            time_to_live: wire.time_to_live.map(span).transpose()?.unwrap_or(TIME_TO_LIVE_DEFAULT),
            min_gap: wire.min_gap.map(|span| limits::window("min_gap", span)).transpose()?,
            transactional: wire.transactional,
            hours: hours::weekly(wire.hours)?,
            while_closed: wire.while_closed,
            outside_hours: hours::outside(wire.outside_hours)?,
            audience: wire.audience.map(|wire| part("audience", wire)).transpose()?,
            journey: journey::step(wire.journey_stage, wire.advances_to_next)?,
            measure: measure::measure(
                wire.holdout_basis_points,
                wire.experiment_salt,
                wire.variants,
                wire.conversions,
            )?,
            channels: match message::channels("channels", wire.channels)? {
                none if none.is_empty() => CHANNELS_DEFAULT.to_vec(),
                channels => channels,
            },
            id,
        };
        limits::fit(&campaign)?;
        Ok(campaign)
    }
}

impl From<&Campaign> for v1::Campaign {
    fn from(campaign: &Campaign) -> Self {
        Self {
            name: name::campaign_name(&campaign.id),
            display_name: campaign.display_name.clone(),
            regions: Some((&campaign.regions).into()),
            transition: v1::TransitionKind::from(campaign.on).into(),
            topic: campaign.topic.to_string(),
            message: Some((&campaign.message).into()),
            cooldown: (campaign.cooldown != Cooldown::default()).then(|| (&campaign.cooldown).into()),
            caps: campaign.caps.iter().map(Into::into).collect(),
            pace: campaign.pace.as_ref().map(Into::into),
            priority: Some(campaign.priority.into()),
            value: campaign.value,
            active_window: (campaign.active != ActiveWindow::default()).then(|| (&campaign.active).into()),
            paused: campaign.paused,
            time_to_live: Some(campaign.time_to_live.into()),
            min_gap: campaign.min_gap.map(Into::into),
            transactional: campaign.transactional,
            hours: campaign.hours.iter().map(Into::into).collect(),
            while_closed: campaign.while_closed,
            outside_hours: v1::OutsideHours::from(campaign.outside_hours).into(),
            audience: campaign.audience.as_ref().map(Into::into),
            journey_stage: campaign.journey.as_ref().map(journey::stage_message),
            holdout_basis_points: campaign.measure.holdout.into(),
            variants: campaign.measure.variants.iter().map(Into::into).collect(),
            experiment_salt: campaign.measure.salt.clone(),
            conversions: campaign.measure.conversions.iter().map(Into::into).collect(),
            advances_to_next: campaign.journey.as_ref().is_some_and(|step| step.advances),
            channels: campaign.channels.iter().map(|channel| v1::Channel::from(*channel).into()).collect(),
        }
    }
}

impl TryFrom<v1::RegionSelector> for RegionSelector {
    type Error = Invalid;

    fn try_from(wire: v1::RegionSelector) -> Result<Self, Invalid> {
        if wire.regions.is_empty() && wire.brands.is_empty() && wire.tags.is_empty() {
            return Err(Invalid::new("", "is empty; must name at least one region, brand or tag"));
        }
        Ok(Self {
            regions: ids("regions", &wire.regions, SELECTED_REGIONS_MAX, name::region)?.into_iter().collect(),
            brands: ids("brands", &wire.brands, SELECTED_LABELS_MAX, BrandId::parse)?.into_iter().collect(),
            tags: ids("tags", &wire.tags, SELECTED_LABELS_MAX, Tag::parse)?.into_iter().collect(),
        })
    }
}

impl From<&RegionSelector> for v1::RegionSelector {
    fn from(selector: &RegionSelector) -> Self {
        Self {
            regions: selector.regions.iter().map(name::region_name).collect(),
            brands: selector.brands.iter().map(BrandId::to_string).collect(),
            tags: selector.tags.iter().map(Tag::to_string).collect(),
        }
    }
}

impl TryFrom<v1::ActiveWindow> for ActiveWindow {
    type Error = Invalid;

    fn try_from(wire: v1::ActiveWindow) -> Result<Self, Invalid> {
        let start = wire.start_time.map(|at| time::server_time("start_time", at)).transpose()?;
        let end = wire.end_time.map(|at| time::server_time("end_time", at)).transpose()?;
        if start.zip(end).is_some_and(|(start, end)| end <= start) {
            return Err(Invalid::new("end_time", "is not after start_time; must be after it, or absent"));
        }
        Ok(Self { start, end })
    }
}

impl From<&ActiveWindow> for v1::ActiveWindow {
    fn from(window: &ActiveWindow) -> Self {
        Self { start_time: window.start.map(Into::into), end_time: window.end.map(Into::into) }
    }
}

impl From<TransitionKind> for v1::TransitionKind {
    fn from(kind: TransitionKind) -> Self {
        match kind {
            TransitionKind::Enter => Self::Enter,
            TransitionKind::Dwell => Self::Dwell,
            TransitionKind::Exit => Self::Exit,
            TransitionKind::Approach => Self::Approach,
            TransitionKind::Pass => Self::Pass,
        }
    }
}

/// What a transition field may say.
pub(super) const TRANSITIONS: &str = "ENTER, DWELL, EXIT, APPROACH or PASS";

/// A kind of transition that must be said.
pub(super) fn transition_kind(field: &str, wire: v1::TransitionKind) -> Result<TransitionKind, Invalid> {
    match wire {
        v1::TransitionKind::Enter => Ok(TransitionKind::Enter),
        v1::TransitionKind::Dwell => Ok(TransitionKind::Dwell),
        v1::TransitionKind::Exit => Ok(TransitionKind::Exit),
        v1::TransitionKind::Approach => Ok(TransitionKind::Approach),
        v1::TransitionKind::Pass => Ok(TransitionKind::Pass),
        v1::TransitionKind::Unspecified => Err(super::unknown_choice(field, "UNSPECIFIED", TRANSITIONS)),
    }
}

/// Parses the message in a field, and names the field where that fails.
fn part<W, M: TryFrom<W, Error = Invalid>>(field: &str, wire: W) -> Result<M, Invalid> {
    M::try_from(wire).map_err(|why| why.under(field))
}

fn priority(wire: i32) -> Result<u8, Invalid> {
    u8::try_from(wire)
        .ok()
        .filter(|priority| *priority <= 100)
        .ok_or_else(|| Invalid::new("priority", format!("is {wire}; must be 0 to 100")))
}
