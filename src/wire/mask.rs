//! Update masks (AIP-134): which fields of a message an update changes.
//!
//! Absent or empty: every field that is set in the message, that is, differs from its default. `*`: all of
//! them. A path may reach into a part, such as `cooldown.brand`; the part's other fields then stay.

use super::v1;
use crate::model::Invalid;
use crate::model::invalid::at_most;
use prost_types::FieldMask;
use v1::region::Extent;
use v1::zone::Area;

/// Most paths of one mask.
const PATHS_MAX: usize = 100;

/// One field that an update can name.
#[derive(Debug)]
pub struct Field<M> {
    path: &'static str,
    is_set: fn(&M) -> bool,
    copy: fn(&M, &mut M),
}

/// A message that can be changed field by field; its name can't.
pub trait Maskable: 'static + Sized {
    /// The fields, each before the ones in it.
    const FIELDS: &'static [Field<Self>];
}

/// `current` with those fields that `mask` names taken from `patch`. An unknown path is refused by its index in
/// `update_mask`, with the right ones.
pub fn merge<M: Maskable>(mut current: M, patch: &M, mask: Option<&FieldMask>) -> Result<M, Invalid> {
    let paths = mask.map(|mask| mask.paths.as_slice()).unwrap_or_default();
    at_most("update_mask.paths", paths.len(), PATHS_MAX)?;
    let everything = matches!(paths, [star] if star == "*");
    let known = |path: &str| everything || M::FIELDS.iter().any(|field| field.path == path);
    if let Some((index, path)) = paths.iter().enumerate().find(|(_, path)| !known(path)) {
        return Err(unknown::<M>(index, path));
    }
    for field in M::FIELDS {
        let top = !field.path.contains('.');
        let wanted = if everything {
            top
        } else if paths.is_empty() {
            top && (field.is_set)(patch)
        } else {
            paths.iter().any(|path| path == field.path)
        };
        if wanted {
            (field.copy)(patch, &mut current);
        }
    }
    Ok(current)
}

fn unknown<M: Maskable>(index: usize, path: &str) -> Invalid {
    let shown: String = path.chars().take(60).collect();
    let known: Vec<&str> = M::FIELDS.iter().map(|field| field.path).collect();
    let problem = format!("is {shown:?}; must be one of {}, or `*` alone", known.join(", "));
    Invalid::new(format!("update_mask.paths[{index}]"), problem)
}

fn set<T: Default + PartialEq>(value: &T) -> bool {
    *value != T::default()
}

/// A field of the message itself, or one of a part of it.
macro_rules! field {
    ($name:ident) => {
        Field {
            path: stringify!($name),
            is_set: |message| set(&message.$name),
            copy: |from, into| into.$name = from.$name.clone(),
        }
    };
    ($part:ident . $name:ident) => {
        Field {
            path: concat!(stringify!($part), ".", stringify!($name)),
            is_set: |_| false,
            copy: |from, into| {
                let value = from.$part.as_ref().map(|part| part.$name.clone()).unwrap_or_default();
                into.$part.get_or_insert_default().$name = value;
            },
        }
    };
}

/// One of the extents of a region: naming it where the patch has another one clears it.
macro_rules! extent {
    ($path:literal, $variant:ident) => {
        Field {
            path: $path,
            is_set: |region: &v1::Region| matches!(region.extent, Some(Extent::$variant(_))),
            copy: |from: &v1::Region, into: &mut v1::Region| {
                if matches!(from.extent, Some(Extent::$variant(_))) {
                    into.extent.clone_from(&from.extent);
                } else if matches!(into.extent, Some(Extent::$variant(_))) {
                    into.extent = None;
                }
            },
        }
    };
    ($path:literal, $variant:ident . $name:ident) => {
        Field {
            path: $path,
            is_set: |_| false,
            copy: |from: &v1::Region, into: &mut v1::Region| {
                let mut part = match into.extent.take() {
                    Some(Extent::$variant(part)) => part,
                    Some(_) | None => Default::default(),
                };
                part.$name = match &from.extent {
                    Some(Extent::$variant(part)) => part.$name.clone(),
                    Some(_) | None => Default::default(),
                };
                into.extent = Some(Extent::$variant(part));
            },
        }
    };
}

impl Maskable for v1::Place {
    const FIELDS: &'static [Field<Self>] =
        &[field!(display_name), field!(brand), field!(time_zone), field!(tags), field!(opening_hours)];
}

impl Maskable for v1::Region {
    const FIELDS: &'static [Field<Self>] = &[
        field!(place),
        field!(display_name),
        extent!("circle", Circle),
        extent!("circle.center", Circle.center),
        extent!("circle.radius_m", Circle.radius_m),
        extent!("polygon", Polygon),
        extent!("multi_polygon", MultiPolygon),
        extent!("beacon", Beacon),
        extent!("beacon.uuid", Beacon.uuid),
        extent!("beacon.major", Beacon.major),
        extent!("beacon.minor", Beacon.minor),
        extent!("beacon.proximity", Beacon.proximity),
        extent!("beacon.group", Beacon.group),
        field!(dwell_time),
        field!(tags),
    ];
}

impl Maskable for v1::Campaign {
    const FIELDS: &'static [Field<Self>] = &[
        field!(display_name),
        field!(regions),
        field!(regions.regions),
        field!(regions.brands),
        field!(regions.tags),
        field!(transition),
        field!(topic),
        field!(message),
        field!(message.title),
        field!(message.body),
        field!(message.deep_link),
        field!(message.data),
        field!(message.image),
        field!(message.buttons),
        field!(message.locale),
        field!(message.translations),
        field!(message.fallback),
        field!(cooldown),
        field!(cooldown.region),
        field!(cooldown.place),
        field!(cooldown.brand),
        field!(cooldown.visit),
        field!(caps),
        field!(pace),
        field!(pace.burst),
        field!(pace.refill),
        field!(priority),
        field!(value),
        field!(active_window),
        field!(active_window.start_time),
        field!(active_window.end_time),
        field!(paused),
        field!(time_to_live),
        field!(min_gap),
        field!(transactional),
        field!(hours),
        field!(while_closed),
        field!(outside_hours),
        field!(audience),
        field!(journey_stage),
        field!(journey_stage.journey),
        field!(journey_stage.stage),
        field!(advances_to_next),
        field!(holdout_basis_points),
        field!(variants),
        field!(experiment_salt),
        field!(conversions),
        field!(channels),
    ];
}

impl Maskable for v1::Journey {
    const FIELDS: &'static [Field<Self>] =
        &[field!(display_name), field!(brand), field!(stages), field!(allow_skips), field!(restart)];
}

impl Maskable for v1::Topic {
    const FIELDS: &'static [Field<Self>] = &[field!(display_name), field!(topic_default)];
}

/// One of the areas of a zone: naming it where the patch has another one clears it.
macro_rules! area {
    ($path:literal, $variant:ident) => {
        Field {
            path: $path,
            is_set: |zone: &v1::Zone| matches!(zone.area, Some(Area::$variant(_))),
            copy: |from: &v1::Zone, into: &mut v1::Zone| {
                if matches!(from.area, Some(Area::$variant(_))) {
                    into.area.clone_from(&from.area);
                } else if matches!(into.area, Some(Area::$variant(_))) {
                    into.area = None;
                }
            },
        }
    };
}

impl Maskable for v1::Zone {
    const FIELDS: &'static [Field<Self>] = &[
        field!(display_name),
        field!(kind),
        area!("circle", Circle),
        area!("polygon", Polygon),
        area!("multi_polygon", MultiPolygon),
    ];
}

impl Maskable for v1::Customer {
    const FIELDS: &'static [Field<Self>] = &[
        field!(location_consent),
        Field {
            path: "location_consent.granted",
            is_set: |_| false,
            copy: |from, into| {
                let part = into.location_consent.get_or_insert_default();
                part.granted = from.location_consent.as_ref().is_some_and(|part| part.granted);
                // A new answer was given now, and for good, unless the mask names its times, too.
                (part.answer_time, part.expire_time) = (None, None);
            },
        },
        field!(location_consent.answer_time),
        field!(location_consent.source),
        field!(location_consent.purpose),
        field!(location_consent.expire_time),
        field!(topics),
        field!(topic_choices),
        field!(stopped),
        field!(quiet_hours),
        field!(traits),
    ];
}

impl Maskable for v1::Device {
    const FIELDS: &'static [Field<Self>] =
        &[field!(platform), field!(push_address), field!(locale), field!(time_zone), field!(app_version)];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(current: &v1::Campaign, patch: &v1::Campaign, paths: &[&str], want: &v1::Campaign) {
        let mask = FieldMask { paths: paths.iter().map(ToString::to_string).collect() };
        assert_eq!(merge(current.clone(), patch, Some(&mask)).unwrap(), *want, "{paths:?}");
    }

    fn campaign(topic: &str, priority: Option<i32>, title: &str, body: &str) -> v1::Campaign {
        let message = v1::Message { title: title.into(), body: body.into(), ..v1::Message::default() };
        v1::Campaign { topic: topic.into(), priority, message: Some(message), ..v1::Campaign::default() }
    }

    #[test]
    fn a_mask_chooses_the_fields() {
        let current = campaign("offers", Some(9), "Hello", "Come in");
        let patch = campaign("news", None, "Hi", "Go out");
        check(&current, &patch, &[], &campaign("news", Some(9), "Hi", "Go out"));
        check(&current, &patch, &["*"], &patch);
        check(&current, &patch, &["priority"], &campaign("offers", None, "Hello", "Come in"));
        check(&current, &patch, &["message.body"], &campaign("offers", Some(9), "Hello", "Go out"));
        check(&current, &patch, &["topic", "message"], &campaign("news", Some(9), "Hi", "Go out"));
        assert_eq!(
            merge(current.clone(), &patch, None).unwrap(),
            merge(current, &patch, Some(&FieldMask::default())).unwrap()
        );
    }

    #[test]
    fn an_unknown_path_is_answered_with_the_right_ones() {
        for paths in [vec!["brand", "color"], vec!["brand", "*"], vec!["brand", "name"]] {
            let mask = FieldMask { paths: paths.into_iter().map(str::to_owned).collect() };
            let refusal = merge(v1::Place::default(), &v1::Place::default(), Some(&mask)).unwrap_err();
            assert_eq!(refusal.field, "update_mask.paths[1]");
            assert!(refusal.problem.contains("display_name, brand, time_zone, tags, opening_hours"), "{refusal}");
        }
    }

    #[test]
    fn an_extent_changes_as_a_whole_or_in_part() {
        let circle = |radius_m| Some(Extent::Circle(v1::Circle { radius_m, ..v1::Circle::default() }));
        let region = |extent| v1::Region { extent, ..v1::Region::default() };
        let beacon =
            || Some(Extent::Beacon(v1::BeaconExtent { group: "hall".into(), ..v1::BeaconExtent::default() }));
        for (current, patch, path, want) in [
            (circle(10.0), circle(20.0), "circle.radius_m", circle(20.0)),
            (circle(10.0), beacon(), "beacon", beacon()),
            (circle(10.0), beacon(), "circle", None),
            (circle(10.0), beacon(), "polygon", circle(10.0)),
            (circle(10.0), beacon(), "beacon.group", beacon()),
        ] {
            let mask = FieldMask { paths: vec![path.into()] };
            assert_eq!(merge(region(current), &region(patch), Some(&mask)).unwrap().extent, want, "{path}");
        }
    }

    #[test]
    fn a_new_answer_about_consent_is_given_now() {
        let consent = |granted, seconds: Option<i64>| v1::Customer {
            location_consent: Some(v1::LocationConsent {
                granted,
                answer_time: seconds.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
                source: String::new(),
                purpose: String::new(),
                expire_time: None,
            }),
            ..v1::Customer::default()
        };
        let mask = FieldMask { paths: vec!["location_consent.granted".into()] };
        assert_eq!(
            merge(consent(true, Some(5)), &consent(false, Some(7)), Some(&mask)).unwrap(),
            consent(false, None)
        );
    }
}
