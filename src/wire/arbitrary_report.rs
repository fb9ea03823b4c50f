//! Made-up exposures and figures of campaigns.

use super::arbitrary;
use crate::model::*;
use crate::report::{
    ARMS_MAX, ArmCounts, CURRENCIES_MAX, DayCounts, EXPOSURES_MAX, Exposure, Exposures, REASONS_MAX, SUBJECTS_MAX,
    Subject, Tally,
};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;

fn variant_id() -> impl Strategy<Value = VariantId> {
    "[a-z]{1,9}".prop_map(|id| VariantId::parse("variant", &id).unwrap())
}

fn arm() -> impl Strategy<Value = Arm> {
    (of(variant_id()), any::<bool>()).prop_map(|(variant, held_out)| Arm { variant, held_out })
}

pub(crate) fn variant() -> impl Strategy<Value = Option<VariantId>> {
    of(variant_id())
}

pub(crate) fn measure() -> impl Strategy<Value = Measure> {
    let variants = btree_map(variant_id(), (1..=measure::WEIGHT_MAX, of(super::arbitrary_messages::message())), 0..4);
    let variants = variants.prop_map(|variants| {
        let variant = |(id, (weight, message))| Variant { id, weight, message };
        variants.into_iter().map(variant).collect()
    });
    let conversion = (arbitrary_event(), arbitrary::window(), super::arbitrary_events::properties());
    let conversion = conversion.prop_map(|(event, within, properties)| Conversion { event, within, properties });
    (0..=measure::HOLDOUT_MAX, "[ -~é]{0,20}", variants, vec(conversion, 0..3))
        .prop_map(|(holdout, salt, variants, conversions)| Measure { holdout, salt, variants, conversions })
}

fn arbitrary_event() -> impl Strategy<Value = EventName> {
    super::arbitrary_events::event_name()
}

fn time() -> impl Strategy<Value = ServerTime> {
    (0..4_000_000_000_000_i64).prop_map(ServerTime)
}

pub(crate) fn exposures() -> impl Strategy<Value = Exposures> {
    let ids = (arbitrary::trigger_id(), arbitrary::campaign_id(), arbitrary::visit_id());
    let exposure =
        (time(), ids, arm(), any::<bool>()).prop_map(|(at, (trigger, campaign, visit), arm, converted)| Exposure {
            at,
            trigger,
            campaign,
            visit,
            arm,
            converted,
        });
    let recent = vec(exposure, 0..4).prop_map(|mut recent| {
        recent.sort_by_key(|own| own.at);
        recent
    });
    let subject = (arm(), any::<u32>(), any::<u32>(), any::<u32>(), time()).prop_map(
        |(arm, exposed, converted, conversions, last)| Subject { arm, exposed, converted, conversions, last },
    );
    (recent, btree_map(arbitrary::campaign_id(), subject, 0..3))
        .prop_map(|(recent, subjects)| Exposures { recent, subjects })
}

fn arm_counts() -> impl Strategy<Value = ArmCounts> {
    let worth = btree_map(prop_oneof![Just("USD"), Just("EUR")], any::<i64>(), 0..3).prop_map(|worth| {
        worth.into_iter().map(|(code, micros)| (Currency::parse("", code).unwrap(), micros)).collect()
    });
    (prop::array::uniform12(any::<u64>()), worth).prop_map(|(n, worth)| ArmCounts {
        exposed: n[0],
        customers: n[1],
        delivered: n[2],
        opened: n[3],
        converted: n[4],
        conversions: n[5],
        buyers: n[6],
        repeat_buyers: n[7],
        exposed_squares: n[8],
        converted_squares: n[9],
        exposed_by_converted: n[10],
        worth,
        worth_left_out: n[11],
    })
}

pub(crate) fn day_counts() -> impl Strategy<Value = DayCounts> {
    (any::<u64>(), btree_map("[a-z ]{1,20}", any::<u64>(), 0..4), btree_map(arm(), arm_counts(), 0..4))
        .prop_map(|(visits, held_back, arms)| DayCounts { visits, held_back, arms })
}

pub(crate) fn tally() -> impl Strategy<Value = Tally> {
    let key = (arbitrary::campaign_id(), any::<i32>());
    btree_map(key, day_counts(), 0..3).prop_map(|days| Tally { days })
}

/// What takes the most room.
pub(crate) fn largest_exposures() -> Exposures {
    let at = ServerTime(-1_000_000_000_001);
    let long = |n: usize| format!("{n:0>64}");
    let campaign = |n| CampaignId::parse("campaign", &long(n)).unwrap();
    let arm = |n| Arm { variant: VariantId::parse("variant", &long(n)).ok(), held_out: true };
    let exposure = |n| Exposure {
        at,
        trigger: TriggerId::parse("trigger", &long(n)).unwrap(),
        campaign: campaign(n),
        visit: VisitId::parse("visit", &long(n)).unwrap(),
        arm: arm(n),
        converted: true,
    };
    let most = u32::MAX;
    let subject = |n| Subject { arm: arm(n), exposed: most, converted: most, conversions: most, last: at };
    Exposures {
        recent: (0..EXPOSURES_MAX).map(exposure).collect(),
        subjects: (0..SUBJECTS_MAX).map(|n| (campaign(n), subject(n))).collect(),
    }
}

/// What takes the most room, of what adding up can lead to.
pub(crate) fn largest_day() -> DayCounts {
    let most = u64::MAX;
    let letter = |n: usize| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"[n % 26]);
    let code = |n: usize| format!("A{}{}", letter(n / 26), letter(n));
    let counts = || {
        let worth = (0..2 * CURRENCIES_MAX).map(|n| (Currency::parse("", &code(n)).unwrap(), i64::MIN));
        ArmCounts {
            exposed: most,
            exposed_squares: most,
            worth: worth.take(CURRENCIES_MAX).collect(),
            ..ArmCounts::default()
        }
    };
    let arm = |n: usize| {
        let variant = VariantId::parse("variant", &format!("{n:0>64}")).ok();
        (Arm { variant, held_out: n.is_multiple_of(2) }, counts())
    };
    let added = DayCounts {
        visits: most,
        held_back: (0..2 * REASONS_MAX).map(|n| (format!("{n:0>40}"), most)).collect(),
        arms: (0..2 * ARMS_MAX).map(arm).collect(),
    };
    let mut day = DayCounts::default();
    day.add(&added);
    day
}
