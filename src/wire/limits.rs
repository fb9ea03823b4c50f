//! The limits of campaigns: cooldowns, caps, pace.

use super::{choice, count, required, time, v1};
use crate::model::campaign::{LIMIT_MAX, WINDOW_MAX};
use crate::model::{
    Calendar, Campaign, Cap, CapScope, CapWindow, Cooldown, Invalid, Millis, OutsideHours, Pace, TransitionKind,
};

const WINDOW_MIN: Millis = Millis::from_secs(1);

/// Checks that a campaign asks for no limit that it would pass, and for no wait that could not be: it is better to say
/// so than to leave somebody in the belief that it holds.
pub(super) fn fit(campaign: &Campaign) -> Result<(), Invalid> {
    match (campaign.outside_hours, campaign.on) {
        (OutsideHours::Drop, _) | (OutsideHours::Hold, TransitionKind::Enter | TransitionKind::Dwell) => {}
        (OutsideHours::Hold, TransitionKind::Exit | TransitionKind::Approach | TransitionKind::Pass) => {
            let problem = "is HOLD, which lasts as long as the visit; must be DROP where the transition is EXIT, APPROACH or PASS, which come without one";
            return Err(Invalid::new("outside_hours", problem));
        }
    }
    if !campaign.transactional {
        return Ok(());
    }
    let passes = |field: &str| {
        Invalid::new(field, "is set though transactional is; such a campaign passes it, so leave it out")
    };
    if campaign.cooldown != Cooldown::default() {
        return Err(passes("cooldown"));
    }
    if campaign.measure.holdout > 0 {
        let problem = "is set though transactional is; what a customer asked for is held back from nobody";
        return Err(Invalid::new("holdout_basis_points", problem));
    }
    if campaign.min_gap.is_some() {
        return Err(passes("min_gap"));
    }
    match campaign.caps.iter().position(|cap| cap.scope != CapScope::Campaign) {
        Some(index) => {
            let problem = "is not CAMPAIGN though transactional is set; such a campaign passes all other caps";
            Err(Invalid::new("scope", problem).at("caps", index))
        }
        None => Ok(()),
    }
}

impl TryFrom<v1::Cooldown> for Cooldown {
    type Error = Invalid;

    fn try_from(wire: v1::Cooldown) -> Result<Self, Invalid> {
        Ok(Self {
            region: wire.region.map(|span| window("region", span)).transpose()?,
            place: wire.place.map(|span| window("place", span)).transpose()?,
            brand: wire.brand.map(|span| window("brand", span)).transpose()?,
            visit: wire.visit,
        })
    }
}

impl From<&Cooldown> for v1::Cooldown {
    fn from(cooldown: &Cooldown) -> Self {
        Self {
            region: cooldown.region.map(Into::into),
            place: cooldown.place.map(Into::into),
            brand: cooldown.brand.map(Into::into),
            visit: cooldown.visit,
        }
    }
}

impl TryFrom<v1::Cap> for Cap {
    type Error = Invalid;

    fn try_from(wire: v1::Cap) -> Result<Self, Invalid> {
        Ok(Self {
            scope: cap_scope("scope", wire.scope)?,
            limit: count("limit", wire.limit, LIMIT_MAX)?,
            window: cap_window(wire.window, wire.calendar)?,
        })
    }
}

impl From<&Cap> for v1::Cap {
    fn from(cap: &Cap) -> Self {
        let (window, calendar) = match cap.window {
            CapWindow::Rolling(window) => (Some(window.into()), v1::CalendarPeriod::Unspecified),
            CapWindow::Calendar(Calendar::Day) => (None, v1::CalendarPeriod::Day),
            CapWindow::Calendar(Calendar::Week) => (None, v1::CalendarPeriod::Week),
        };
        Self {
            scope: v1::CapScope::from(cap.scope).into(),
            limit: cap.limit.cast_signed(),
            window,
            calendar: calendar.into(),
        }
    }
}

impl TryFrom<v1::Pace> for Pace {
    type Error = Invalid;

    fn try_from(wire: v1::Pace) -> Result<Self, Invalid> {
        Ok(Self {
            burst: count("burst", wire.burst, LIMIT_MAX)?,
            refill: window("refill", required("refill", wire.refill)?)?,
        })
    }
}

impl From<&Pace> for v1::Pace {
    fn from(pace: &Pace) -> Self {
        Self { burst: pace.burst.cast_signed(), refill: Some(pace.refill.into()) }
    }
}

impl From<CapScope> for v1::CapScope {
    fn from(scope: CapScope) -> Self {
        match scope {
            CapScope::Customer => Self::Customer,
            CapScope::Brand => Self::Brand,
            CapScope::Topic => Self::Topic,
            CapScope::Place => Self::Place,
            CapScope::Campaign => Self::Campaign,
        }
    }
}

/// Which messages a cap counts; all of the customer's where it does not say.
pub(super) fn cap_scope(field: &str, wire: i32) -> Result<CapScope, Invalid> {
    Ok(match choice(field, wire, "UNSPECIFIED, CUSTOMER, BRAND, TOPIC, PLACE or CAMPAIGN")? {
        v1::CapScope::Customer | v1::CapScope::Unspecified => CapScope::Customer,
        v1::CapScope::Brand => CapScope::Brand,
        v1::CapScope::Topic => CapScope::Topic,
        v1::CapScope::Place => CapScope::Place,
        v1::CapScope::Campaign => CapScope::Campaign,
    })
}

/// A span of 1 second to 31 days.
pub(super) fn window(field: &str, wire: prost_types::Duration) -> Result<Millis, Invalid> {
    time::millis_within(field, wire, WINDOW_MIN, WINDOW_MAX)
}

fn cap_window(window: Option<prost_types::Duration>, calendar: i32) -> Result<CapWindow, Invalid> {
    let known = "UNSPECIFIED, DAY or WEEK";
    let calendar = match choice("calendar", calendar, known)? {
        v1::CalendarPeriod::Unspecified => None,
        v1::CalendarPeriod::Day => Some(Calendar::Day),
        v1::CalendarPeriod::Week => Some(Calendar::Week),
    };
    match (window, calendar) {
        (window, None) => Ok(CapWindow::Rolling(self::window("window", required("window", window)?)?)),
        (None, Some(calendar)) => Ok(CapWindow::Calendar(calendar)),
        (Some(_), Some(_)) => Err(Invalid::new("calendar", "is set beside window; must be one of them")),
    }
}
