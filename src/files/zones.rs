//! Sensitive places as one GeoJSON `FeatureCollection` (RFC 7946).
//!
//! A feature is a zone: its `id` is the zone's, its geometry a `Point` with a `radius_m` property (a circle), a `Polygon`
//! or a `MultiPolygon`. Its `kind` property is `clinic`, `school`, `shelter`, `place-of-worship` or `other`.

use super::FileError;
use super::regions::{feature_id, fence};
use crate::model::{Invalid, Zone, ZoneId, ZoneKind};
use geojson::{Feature, FeatureCollection};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
struct Properties {
    kind: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    radius_m: Option<f64>,
}

/// Reads zones. An error names the feature by its index and the field by its path.
pub fn read_zones(text: &str) -> Result<Vec<Zone>, FileError> {
    let collection: FeatureCollection =
        text.parse().map_err(|error: geojson::Error| FileError::GeoJson(error.to_string()))?;
    let features = collection.features.into_iter().enumerate();
    Ok(features
        .map(|(index, feature)| zone(feature).map_err(|why| why.at("features", index)))
        .collect::<Result<_, _>>()?)
}

/// Reads what a sensitive place is: `place-of-worship`.
pub fn read_zone_kind(text: &str) -> Result<ZoneKind, Invalid> {
    ZoneKind::ALL.into_iter().find(|kind| kind.word() == text).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        let known = ZoneKind::ALL.map(ZoneKind::word).join(", ");
        Invalid::new("kind", format!("is {shown:?}; must be one of {known}"))
    })
}

fn zone(feature: Feature) -> Result<Zone, Invalid> {
    let id = ZoneId::parse("id", &feature_id(feature.id, "zone")?)?;
    let properties: Properties = serde_json::from_value(Value::Object(feature.properties.unwrap_or_default()))
        .map_err(|error| Invalid::new("properties", format!("do not read: {error}")))?;
    let geometry = feature
        .geometry
        .ok_or_else(|| Invalid::new("geometry", "is null; must be Point, Polygon or MultiPolygon"))?;
    Ok(Zone {
        display_name: properties.name.unwrap_or_else(|| id.to_string()),
        kind: read_zone_kind(&properties.kind).map_err(|why| why.under("properties"))?,
        fence: fence(geometry.value, properties.radius_m)?,
        id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fence;

    const CLINIC: &str = r#"{"type": "FeatureCollection", "features": [{"type": "Feature", "id": "st-anne",
        "properties": {"kind": "clinic", "name": "St Anne", "radius_m": 60},
        "geometry": {"type": "Point", "coordinates": [-104.99, 39.74]}}]}"#;

    #[test]
    fn a_zone_reads_and_a_refusal_says_where() {
        let zone = &read_zones(CLINIC).unwrap()[0];
        assert_eq!(
            (zone.id.as_str(), zone.display_name.as_str(), zone.kind),
            ("st-anne", "St Anne", ZoneKind::Clinic)
        );
        assert!(matches!(zone.fence, Fence::Circle(_)));
        for (from, to, said) in [
            ("clinic", "bank", "features[0].properties.kind is \"bank\"; must be one of clinic, school"),
            ("60", "6", "features[0].properties.radius_m is 6"),
            ("Point", "MultiPoint", "features[0].geometry"),
            (", \"radius_m\": 60", "", "features[0].properties.radius_m is absent"),
            ("\"id\": \"st-anne\",", "", "features[0].id is absent; every feature needs the id of its zone"),
            ("st-anne", "st anne", "features[0].id"),
            ("\"kind\": \"clinic\",", "", "features[0].properties do not read: missing field `kind`"),
        ] {
            let text = CLINIC
                .replace(from, to)
                .replace("[-104.99, 39.74]", if to == "MultiPoint" { "[[1, 1]]" } else { "[-104.99, 39.74]" });
            let refusal = read_zones(&text).unwrap_err().to_string();
            assert!(refusal.starts_with(said), "{refusal}");
        }
    }
}
