//! Fences along a path, and the true visits to them.

use super::{pick, rounded};
use crate::route::{Truth, distance_m, offset};
use crate::suite::{Suite, SuiteFence, Visit};
use anyhow::{Context, Result};
use doorstep::files::{Defaults, read_regions};
use doorstep::model::{Circle, DeviceId, Extent, Fence, Metres, RegionId};
use rand::RngExt;
use rand_pcg::Pcg64;
use std::f64::consts::TAU;

/// The fixtures' circles.
pub(super) fn fixture_circles() -> Result<Vec<Circle>> {
    let text = include_str!("../../../fixtures/denver/regions.geojson");
    let (_, regions) = read_regions(text, &Defaults::default()).context("the fixtures' regions")?;
    let circles = regions.into_iter().filter_map(|region| match region.extent {
        Extent::Fence(Fence::Circle(circle)) => Some(circle),
        Extent::Fence(Fence::Polygon(_) | Fence::MultiPolygon(_)) | Extent::Beacon(_) => None,
    });
    Ok(circles.collect())
}

/// Circles near a path: each has its middle up to a quarter more than its radius away from some moment of it, so that
/// most are gone through, some only touched, and some passed by.
pub(super) fn along(path: &[Truth], count: usize, radii_m: &[f64], random: &mut Pcg64) -> Result<Vec<Circle>> {
    let circles = (0..count).map(|_| {
        let moment = path.get(random.random_range(0..path.len().max(1))).context("a path has moments")?;
        let radius = pick(random, radii_m).context("there are radii")?;
        let (away, bearing) = (random.random::<f64>() * 1.25 * radius, random.random::<f64>() * TAU);
        let center = rounded(offset(moment.position, away * bearing.sin(), away * bearing.cos()));
        Ok(Circle::new(center, Metres(radius))?)
    });
    circles.collect()
}

/// Adds fences of a device, `device:0` and on, and the visits that its path pays to them.
pub(super) fn add(suite: &mut Suite, device: &DeviceId, circles: Vec<Circle>, path: &[Truth]) -> Result<()> {
    for (index, circle) in circles.into_iter().enumerate() {
        let id = RegionId::parse("id", &format!("{device}:{index}"))?;
        suite.visits.extend(visits(device, &id, &circle, path));
        suite.fences.push(SuiteFence { id, circle, expected: None });
    }
    Ok(())
}

/// From the first to the last moment inside, each time.
fn visits(device: &DeviceId, region: &RegionId, circle: &Circle, path: &[Truth]) -> Vec<Visit> {
    let mut visits: Vec<Visit> = Vec::new();
    let mut inside = false;
    for Truth { at, position } in path {
        let depth = circle.radius.0 - distance_m(*position, circle.center);
        if depth < 0.0 {
            inside = false;
            continue;
        }
        match visits.last_mut().filter(|_| inside) {
            Some(visit) => {
                visit.end = *at;
                visit.depth = Some(Metres(visit.depth.map_or(depth, |deepest| deepest.0.max(depth))));
            }
            None => visits.push(Visit {
                device: device.clone(),
                region: region.clone(),
                start: *at,
                end: *at,
                depth: Some(Metres(depth)),
            }),
        }
        inside = true;
    }
    for visit in &mut visits {
        visit.depth = visit.depth.map(|depth| Metres((depth.0 * 100.0).round() / 100.0));
    }
    visits
}

/// A path with the positions as a file has them.
pub(super) fn rounded_path(path: Vec<Truth>) -> Vec<Truth> {
    path.into_iter().map(|truth| Truth { position: rounded(truth.position), ..truth }).collect()
}
