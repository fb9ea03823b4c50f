//! Places and regions as one GeoJSON `FeatureCollection` (RFC 7946).
//!
//! A feature is a region: its `id` is the region's, its geometry a `Point` with a `radius_m` property (a
//! circle), a `Polygon`, a `MultiPolygon`, or null with a `beacon` property. Its `place` property names one of
//! the collection's `places`, a foreign member; without one, the region gets a place of its own.

use super::{FileError, parse_span};
use crate::model::place::DWELL_DEFAULT;
use crate::model::{
    BeaconExtent, BrandId, Circle, Extent, Fence, GroupId, Invalid, Metres, Millis, OpeningHours, Place, PlaceId,
    Polygon, Position, Proximity, Region, RegionId, Ring, Tag, Uuid,
};
use geojson::{Feature, FeatureCollection, Geometry, GeometryValue, JsonObject};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a region without a place gets for its own.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// The brand of its place; absent: every feature must name its place.
    pub brand: Option<BrandId>,
    /// The IANA time zone of its place.
    pub time_zone: String,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { brand: None, time_zone: "UTC".to_owned() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceEntry {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    brand: String,
    time_zone: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opening_hours: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Properties {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    radius_m: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dwell: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    beacon: Option<BeaconEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BeaconEntry {
    uuid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    major: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minor: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proximity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
}

/// Reads places and regions. An error names the feature by its index and the field by its path.
pub fn read_regions(text: &str, defaults: &Defaults) -> Result<(Vec<Place>, Vec<Region>), FileError> {
    let collection: FeatureCollection =
        text.parse().map_err(|e: geojson::Error| FileError::GeoJson(e.to_string()))?;
    let listed = collection.foreign_members.as_ref().and_then(|members| members.get("places"));
    let entries: Vec<PlaceEntry> = match listed {
        Some(value) => serde_json::from_value(value.clone())
            .map_err(|error| Invalid::new("places", format!("does not read: {error}")))?,
        None => Vec::new(),
    };
    let mut places = entries
        .into_iter()
        .enumerate()
        .map(|(index, entry)| place(entry).map_err(|why| why.at("places", index)))
        .collect::<Result<Vec<_>, _>>()?;
    let mut regions = Vec::with_capacity(collection.features.len());
    for (index, feature) in collection.features.into_iter().enumerate() {
        let (region, own) = region(feature, defaults).map_err(|why| why.at("features", index))?;
        places.extend(own);
        regions.push(region);
    }
    Ok((places, regions))
}

fn place(entry: PlaceEntry) -> Result<Place, Invalid> {
    Ok(Place {
        display_name: entry.name.unwrap_or_else(|| entry.id.clone()),
        id: PlaceId::parse("id", &entry.id)?,
        brand: BrandId::parse("brand", &entry.brand)?,
        time_zone: entry.time_zone,
        tags: tags(&entry.tags)?,
        opening_hours: entry.opening_hours.map(|text| OpeningHours::parse("opening_hours", &text)).transpose()?,
    })
}

fn tags(tags: &[String]) -> Result<Vec<Tag>, Invalid> {
    tags.iter().map(|tag| Tag::parse("tags", tag)).collect()
}

/// A region, with the place that it gets for its own where it names none.
fn region(feature: Feature, defaults: &Defaults) -> Result<(Region, Option<Place>), Invalid> {
    let id = feature_id(feature.id, "region")?;
    let properties: Properties = serde_json::from_value(Value::Object(feature.properties.unwrap_or_default()))
        .map_err(|error| Invalid::new("properties", format!("do not read: {error}")))?;
    let id = RegionId::parse("id", &id)?;
    let display_name = properties.name.clone().unwrap_or_else(|| id.to_string());
    let own = match (&properties.place, &defaults.brand) {
        (Some(_), _) => None,
        (None, Some(brand)) => Some(Place {
            id: PlaceId::parse("id", id.as_str())?,
            display_name: display_name.clone(),
            brand: brand.clone(),
            time_zone: defaults.time_zone.clone(),
            tags: Vec::new(),
            opening_hours: None,
        }),
        (None, None) => {
            return Err(Invalid::new(
                "properties.place",
                "is absent; name the region's place, or give a brand for all regions without one",
            ));
        }
    };
    let place = match (&own, &properties.place) {
        (Some(own), _) => own.id.clone(),
        (None, named) => PlaceId::parse("properties.place", named.as_deref().unwrap_or_default())?,
    };
    let dwell = match &properties.dwell {
        Some(text) => parse_span("properties.dwell", text)?,
        None => DWELL_DEFAULT,
    };
    let region = Region {
        id,
        place,
        display_name,
        extent: extent(feature.geometry, &properties)?,
        dwell,
        tags: tags(&properties.tags).map_err(|why| why.under("properties"))?,
    };
    Ok((region, own))
}

/// The id of a feature, which is that of what it describes.
pub(super) fn feature_id(id: Option<geojson::feature::Id>, of: &str) -> Result<String, Invalid> {
    match id {
        Some(geojson::feature::Id::String(id)) => Ok(id),
        Some(geojson::feature::Id::Number(id)) => Ok(id.to_string()),
        None => Err(Invalid::new("id", format!("is absent; every feature needs the id of its {of}"))),
    }
}

fn extent(geometry: Option<Geometry>, properties: &Properties) -> Result<Extent, Invalid> {
    match (geometry.map(|geometry| geometry.value), &properties.beacon) {
        (None, Some(entry)) => Ok(Extent::Beacon(beacon(entry).map_err(|why| why.under("properties.beacon"))?)),
        (None, None) => Err(Invalid::new("geometry", "is null; a region without one needs properties.beacon")),
        (Some(_), Some(_)) => Err(Invalid::new("geometry", "stands beside properties.beacon; give one of them")),
        (Some(value), None) => Ok(Extent::Fence(fence(value, properties.radius_m)?)),
    }
}

/// A fence from its geometry; a Point needs a radius.
pub(super) fn fence(geometry: GeometryValue, radius_m: Option<f64>) -> Result<Fence, Invalid> {
    match geometry {
        GeometryValue::Point { coordinates } => {
            let radius = radius_m.ok_or_else(|| {
                Invalid::new("properties.radius_m", "is absent; a Point needs a radius of 10 to 100,000 metres")
            })?;
            let center = position(coordinates.as_slice()).map_err(|why| why.under("geometry.coordinates"))?;
            Ok(Fence::Circle(Circle::new(center, Metres(radius)).map_err(|why| why.under("properties"))?))
        }
        GeometryValue::Polygon { coordinates } => Ok(Fence::Polygon(polygon(&coordinates, "geometry.coordinates")?)),
        GeometryValue::MultiPolygon { coordinates } => {
            let polygons = coordinates
                .iter()
                .enumerate()
                .map(|(index, rings)| polygon(rings, &format!("geometry.coordinates[{index}]")))
                .collect::<Result<_, _>>()?;
            Ok(Fence::MultiPolygon(polygons))
        }
        _ => Err(Invalid::new("geometry.type", "is not supported; must be Point, Polygon, MultiPolygon or null")),
    }
}

fn beacon(entry: &BeaconEntry) -> Result<BeaconExtent, Invalid> {
    let proximity = match entry.proximity.as_deref() {
        Some("immediate") => Proximity::Immediate,
        Some("near") => Proximity::Near,
        Some("far") | None => Proximity::Far,
        Some(other) => {
            return Err(Invalid::new("proximity", format!("is {other:?}; must be immediate, near or far")));
        }
    };
    if entry.minor.is_some() && entry.major.is_none() {
        return Err(Invalid::new("minor", "is given without a major"));
    }
    Ok(BeaconExtent {
        uuid: Uuid::parse("uuid", &entry.uuid)?,
        major: entry.major,
        minor: entry.minor,
        proximity,
        group: entry.group.as_deref().map(|group| GroupId::parse("group", group)).transpose()?,
    })
}

fn position(coordinates: &[f64]) -> Result<Position, Invalid> {
    match coordinates {
        [lon, lat, ..] => Position::new(*lat, *lon),
        _ => Err(Invalid::new("", "must be a longitude and a latitude")),
    }
}

fn polygon(rings: &[Vec<geojson::Position>], path: &str) -> Result<Polygon, Invalid> {
    let ring = |(r, points): (usize, &Vec<geojson::Position>)| {
        let points = points
            .iter()
            .enumerate()
            .map(|(p, point)| position(point.as_slice()).map_err(|why| why.under(&format!("{path}[{r}][{p}]"))))
            .collect::<Result<_, _>>()?;
        Ok(Ring { points })
    };
    Ok(Polygon { rings: rings.iter().enumerate().map(ring).collect::<Result<_, _>>()? })
}

/// Writes places and regions in the form that [`read_regions`] reads.
pub fn write_regions(places: &[Place], regions: &[Region]) -> Result<String, FileError> {
    let entries: Vec<PlaceEntry> = places
        .iter()
        .map(|place| PlaceEntry {
            id: place.id.to_string(),
            name: Some(place.display_name.clone()),
            brand: place.brand.to_string(),
            time_zone: place.time_zone.clone(),
            tags: place.tags.iter().map(ToString::to_string).collect(),
            opening_hours: place.opening_hours.as_ref().map(|hours| hours.as_str().to_owned()),
        })
        .collect();
    let json = |error: serde_json::Error| FileError::GeoJson(error.to_string());
    let mut members = JsonObject::new();
    members.insert("places".to_owned(), serde_json::to_value(entries).map_err(json)?);
    let features = regions.iter().map(feature).collect::<Result<_, _>>().map_err(json)?;
    let collection = FeatureCollection { bbox: None, features, foreign_members: Some(members) };
    serde_json::to_string_pretty(&collection).map_err(json)
}

fn feature(region: &Region) -> Result<Feature, serde_json::Error> {
    let mut properties = Properties {
        place: Some(region.place.to_string()),
        name: Some(region.display_name.clone()),
        dwell: (region.dwell != DWELL_DEFAULT).then(|| span(region.dwell)),
        tags: region.tags.iter().map(ToString::to_string).collect(),
        ..Properties::default()
    };
    let geometry = match &region.extent {
        Extent::Fence(Fence::Circle(circle)) => {
            properties.radius_m = Some(circle.radius.0);
            Some(GeometryValue::new_point([circle.center.lon(), circle.center.lat()]))
        }
        Extent::Fence(Fence::Polygon(polygon)) => Some(GeometryValue::new_polygon(rings(polygon))),
        Extent::Fence(Fence::MultiPolygon(polygons)) => {
            Some(GeometryValue::new_multi_polygon(polygons.iter().map(rings)))
        }
        Extent::Beacon(beacon) => {
            properties.beacon = Some(BeaconEntry {
                uuid: beacon.uuid.to_string(),
                major: beacon.major,
                minor: beacon.minor,
                proximity: Some(proximity(beacon.proximity).to_owned()),
                group: beacon.group.as_ref().map(ToString::to_string),
            });
            None
        }
    };
    let Value::Object(properties) = serde_json::to_value(properties)? else {
        return Ok(Feature::default());
    };
    Ok(Feature {
        id: Some(geojson::feature::Id::String(region.id.to_string())),
        geometry: geometry.map(Geometry::new),
        properties: Some(properties),
        ..Feature::default()
    })
}

fn rings(polygon: &Polygon) -> Vec<Vec<[f64; 2]>> {
    polygon.rings.iter().map(|ring| ring.points.iter().map(|point| [point.lon(), point.lat()]).collect()).collect()
}

fn proximity(proximity: Proximity) -> &'static str {
    match proximity {
        Proximity::Immediate => "immediate",
        Proximity::Near => "near",
        Proximity::Far => "far",
    }
}

fn span(span: Millis) -> String {
    if span.0 % 1_000 == 0 { format!("{}s", span.0 / 1_000) } else { format!("{}ms", span.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = r#"{"type": "FeatureCollection",
        "places": [{"id": "shop", "name": "The shop", "brand": "roost", "time_zone": "America/Denver", "tags": ["cafe"]}],
        "features": [
          {"type": "Feature", "id": "door", "properties": {"place": "shop", "radius_m": 40.0, "dwell": "2m"},
           "geometry": {"type": "Point", "coordinates": [-104.99, 39.74]}},
          {"type": "Feature", "id": "hall", "properties": {"place": "shop", "tags": ["indoors"]},
           "geometry": {"type": "Polygon", "coordinates": [[[0,0],[1,0],[1,1],[0,0]]]}},
          {"type": "Feature", "id": "shoes", "properties": {"place": "shop", "beacon":
            {"uuid": "f7826da6-4fa2-4e98-8024-bc5b71e0893e", "major": 1, "proximity": "near", "group": "rooms"}},
           "geometry": null}]}"#;

    #[test]
    fn what_is_written_reads_the_same() {
        let (places, regions) = read_regions(SHOP, &Defaults::default()).unwrap();
        assert_eq!((places.len(), regions.len()), (1, 3));
        let written = write_regions(&places, &regions).unwrap();
        assert_eq!(read_regions(&written, &Defaults::default()).unwrap(), (places, regions));
    }

    #[test]
    fn a_feature_without_a_place_gets_one_of_its_own() {
        let bare = r#"{"type": "FeatureCollection", "features": [{"type": "Feature", "id": "a",
            "properties": {"radius_m": 50}, "geometry": {"type": "Point", "coordinates": [5, 52]}}]}"#;
        let defaults = Defaults { brand: Some(BrandId::parse("brand", "roost").unwrap()), ..Defaults::default() };
        let (places, regions) = read_regions(bare, &defaults).unwrap();
        assert_eq!(places[0].id.as_str(), "a");
        assert_eq!(regions[0].place.as_str(), "a");
        assert!(read_regions(bare, &Defaults::default()).is_err());
    }

    #[test]
    fn refusals_name_the_feature_and_the_field() {
        for (from, to, path) in [
            ("\"radius_m\": 40.0", "\"radius_m\": 5", "features[0].properties.radius_m"),
            ("\"radius_m\": 40.0, ", "", "features[0].properties.radius_m"),
            ("[-104.99, 39.74]", "[-104.99, 99]", "features[0].geometry.coordinates.latitude"),
            ("\"id\": \"hall\"", "\"id\": \"a b\"", "features[1].id"),
            ("\"near\"", "\"close\"", "features[2].properties.beacon.proximity"),
            ("\"major\": 1", "\"minor\": 1", "features[2].properties.beacon.minor"),
            ("\"2m\"", "\"soon\"", "features[0].properties.dwell"),
            ("\"brand\": \"roost\", ", "", "places"),
        ] {
            let text = SHOP.replace(from, to);
            assert_ne!(text, SHOP);
            let refusal = read_regions(&text, &Defaults::default()).unwrap_err().to_string();
            assert!(refusal.starts_with(path), "{refusal}");
        }
    }
}
