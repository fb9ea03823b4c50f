//! What a ping costs: a walker in a dense city, one ping a second, through the whole engine.
//!
//! Each city has some twenty regions near the walker, as near as the engine looks (200 m); the name of a group says
//! how many on average. Beside the engine stands the floor: what a bare R-tree and a haversine distance to the centre
//! of each region that it finds would cost, in the same city and on the same walk.

use anyhow::Result;
use criterion::{BatchSize, BenchmarkGroup, Criterion, measurement::WallTime};
use doorstep::engine::{Catalogue, CustomerState, DeviceState, Engine, Manners, NONE_OPEN};
use doorstep::locate::{Atlas, Shape};
use doorstep::model::{
    AppState, BrandId, Circle, Customer, CustomerId, Device, DeviceId, DeviceTime, Extent, Fence, Fix,
    LocationConsent, Metres, Millis, Ping, Place, PlaceId, Platform, Polygon, Position, Region, RegionId, Ring,
    Sequence, ServerTime,
};
use doorstep::presence::PresenceConfig;
use geo::{Distance as _, Haversine, Point};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};
use std::f64::consts::TAU;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

const SEED: u64 = 3;
const NOON: i64 = 1_784_138_400_000;
const CENTER: (f64, f64) = (39.74, -104.99);
const METRES_PER_DEGREE: f64 = 111_195.08;
/// The city is a square, this far from its centre to each side, metres.
const HALF_M: f64 = 2_000.0;
/// The walk is a circle around the city's centre, metres.
const WALK_RADIUS_M: f64 = 800.0;
const WALK_SPEED_MPS: f64 = 1.4;

/// Makes a fence around a point so many metres east and north of the city's centre.
type Kind = dyn Fn(&mut Pcg64, [f64; 2]) -> Fence;

fn main() -> Result<()> {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let twelve = |random: &mut Pcg64, center| polygon(center, &ragged(random, 12));
    measure(&mut criterion, "circles", &city(&[(1_870, &circle)]))?;
    measure(&mut criterion, "twelve-sided polygons", &city(&[(1_785, &twelve)]))?;
    measure(&mut criterion, "polygons, 4 of 10,000 vertices", &city(&[(1_400, &twelve), (126, &large)]))?;
    criterion.final_summary();
    Ok(())
}

/// Prints the nanoseconds of one ping in a city, of one with the advice for its ack, and of the floor.
fn measure(criterion: &mut Criterion, name: &str, fences: &[Fence]) -> Result<()> {
    let catalogue = Catalogue { atlas: atlas(fences)?, ..Catalogue::default() };
    let presence = PresenceConfig::default();
    let engine = Engine { catalogue: &catalogue, presence: &presence, manners: Manners::default(), open: &NONE_OPEN };
    let walk = walk();
    let near = |at: &Position| catalogue.atlas.near(*at, Metres(presence.reach_m)).count();
    let average = walk.iter().map(near).sum::<usize>() as f64 / walk.len() as f64;
    let mut group = criterion.benchmark_group(format!("{name}, {average:.1} near"));
    let mut walker = Walker::new(&walk)?;
    group.bench_function("ping", |bencher| {
        bencher.iter(|| {
            walker.step();
            engine.observe(&mut walker.state, &walker.device, &walker.ping, walker.now)
        });
    });
    let mut walker = Walker::new(&walk)?;
    group.bench_function("ping and advice", |bencher| {
        bencher.iter(|| {
            walker.step();
            let observed = engine.observe(&mut walker.state, &walker.device, &walker.ping, walker.now);
            (observed, engine.advice(&walker.state, &walker.device))
        });
    });
    measure_floor(&mut group, fences, &walk, presence.reach_m)?;
    group.finish();
    Ok(())
}

/// The R-tree's boxes are in degrees, and what it finds is measured to its centre.
fn measure_floor(
    group: &mut BenchmarkGroup<'_, WallTime>,
    fences: &[Fence],
    walk: &[Position],
    reach_m: f64,
) -> Result<()> {
    let leaf = |fence| {
        let shape = Shape::prepare(fence)?;
        let (bounds, center) = (shape.bounds(), shape.center());
        let rectangle = Rectangle::from_corners([bounds.west, bounds.south], [bounds.east, bounds.north]);
        Ok(GeomWithData::new(rectangle, Point::new(center.lon(), center.lat())))
    };
    let tree = RTree::bulk_load(fences.iter().map(leaf).collect::<Result<Vec<_>>>()?);
    let reach = degrees(reach_m, reach_m);
    let mut steps = walk.iter().cycle();
    group.bench_function("floor", |bencher| {
        bencher.iter_batched(
            || steps.next().map_or([0.0, 0.0], |at| [at.lon(), at.lat()]),
            |[lon, lat]| {
                let around = AABB::from_corners([lon - reach[0], lat - reach[1]], [lon + reach[0], lat + reach[1]]);
                let here = Point::new(lon, lat);
                for leaf in tree.locate_in_envelope_intersecting(&around) {
                    black_box(Haversine.distance(here, leaf.data));
                }
            },
            BatchSize::SmallInput,
        );
    });
    Ok(())
}

/// One customer with one phone, who never stops.
struct Walker<'a> {
    state: CustomerState,
    device: DeviceId,
    ping: Ping,
    now: ServerTime,
    steps: std::iter::Cycle<std::slice::Iter<'a, Position>>,
}

impl<'a> Walker<'a> {
    fn new(walk: &'a [Position]) -> Result<Self> {
        let mut customer = Customer::new(CustomerId::parse("customer", "maya")?);
        let consent = LocationConsent::answered(true, ServerTime(0));
        customer.consent = Some(consent);
        let id = DeviceId::parse("device", "phone")?;
        let device = Device {
            id: id.clone(),
            platform: Platform::Ios,
            push_address: String::new(),
            locale: "en".into(),
            time_zone: None,
            app_version: None,
        };
        let mut state = CustomerState::new(customer);
        state.devices.insert(id.clone(), DeviceState::new(device));
        let ping = Ping {
            sequence: Sequence(0),
            observed: DeviceTime(NOON),
            fix: None,
            sightings: Vec::new(),
            app: AppState::Background,
        };
        Ok(Self { state, device: id, ping, now: ServerTime(NOON), steps: walk.iter().cycle() })
    }

    /// Takes the next ping, a second later.
    fn step(&mut self) {
        self.ping.sequence.0 += 1;
        self.ping.observed.0 += 1_000;
        self.now.0 += 1_000;
        let fix = |position: &Position| Fix {
            position: *position,
            accuracy: Metres(8.0),
            speed_mps: Some(WALK_SPEED_MPS),
            course_deg: None,
            mock: false,
        };
        self.ping.fix = self.steps.next().map(fix);
    }
}

/// Once round the circle, with the noise of GPS.
fn walk() -> Vec<Position> {
    let mut random = Pcg64::seed_from_u64(SEED);
    let seconds = (TAU * WALK_RADIUS_M / WALK_SPEED_MPS).round();
    std::iter::successors(Some(0.0), |second| Some(second + 1.0))
        .take_while(|second| *second < seconds)
        .map(|second| {
            let (sin, cos) = (TAU * second / seconds).sin_cos();
            let mut noise = || random.random_range(-6.0..6.0);
            at(WALK_RADIUS_M * cos + noise(), WALK_RADIUS_M * sin + noise())
        })
        .collect()
}

/// So many fences of each kind, anywhere in the city.
fn city(kinds: &[(usize, &Kind)]) -> Vec<Fence> {
    let mut random = Pcg64::seed_from_u64(SEED);
    let mut fences = Vec::new();
    for (count, kind) in kinds {
        for _ in 0..*count {
            let center = [0, 1].map(|_| random.random_range(-HALF_M..HALF_M));
            fences.push(kind(&mut random, center));
        }
    }
    fences
}

fn circle(random: &mut Pcg64, [x, y]: [f64; 2]) -> Fence {
    Fence::Circle(Circle { center: at(x, y), radius: Metres(random.random_range(20.0..60.0)) })
}

/// A smooth coast of 10,000 vertices, a quarter of a kilometre from its centre.
fn large(random: &mut Pcg64, center: [f64; 2]) -> Fence {
    let [size, a, b] = [150.0..250.0, 0.0..TAU, 0.0..TAU].map(|range| random.random_range(range));
    let radius = |i: u32| {
        let angle = TAU * f64::from(i) / 9_999.0;
        size * (1.0 + 0.2 * (3.0 * angle + a).sin() + 0.05 * (17.0 * angle + b).sin())
    };
    polygon(center, &(0..9_999).map(radius).collect::<Vec<_>>())
}

fn ragged(random: &mut Pcg64, sides: usize) -> Vec<f64> {
    let size = random.random_range(20.0..60.0);
    (0..sides).map(|_| size * random.random_range(0.8..1.2)).collect()
}

/// A polygon with its vertices at these distances from its centre, all the way round.
fn polygon([x, y]: [f64; 2], radii_m: &[f64]) -> Fence {
    let vertex = |(i, radius): (usize, &f64)| {
        let (sin, cos) = (TAU * i as f64 / radii_m.len() as f64).sin_cos();
        at(x + radius * cos, y + radius * sin)
    };
    let mut points: Vec<Position> = radii_m.iter().enumerate().map(vertex).collect();
    points.extend(points.first().copied());
    Fence::Polygon(Polygon { rings: vec![Ring { points }] })
}

fn atlas(fences: &[Fence]) -> Result<Atlas> {
    let place = |n: usize| {
        Ok(Arc::new(Place {
            id: PlaceId::parse("place", &format!("place-{n}"))?,
            display_name: String::new(),
            brand: BrandId::parse("brand", "roost")?,
            time_zone: "America/Denver".into(),
            opening_hours: None,
            tags: Vec::new(),
        }))
    };
    let region = |(n, fence): (usize, &Fence)| {
        Ok(Arc::new(Region {
            id: RegionId::parse("region", &format!("region-{n}"))?,
            place: PlaceId::parse("place", &format!("place-{n}"))?,
            display_name: String::new(),
            extent: Extent::Fence(fence.clone()),
            dwell: Millis::from_mins(5),
            tags: Vec::new(),
        }))
    };
    let places = (0..fences.len()).map(place).collect::<Result<Vec<_>>>()?;
    let regions = fences.iter().enumerate().map(region).collect::<Result<Vec<_>>>()?;
    Ok(Atlas::build(places, regions)?)
}

/// The position so many metres east and north of the city's centre.
fn at(east: f64, north: f64) -> Position {
    let [lon, lat] = degrees(east, north);
    Position::wrapped(CENTER.0 + lat, CENTER.1 + lon)
}

fn degrees(east: f64, north: f64) -> [f64; 2] {
    [east / (METRES_PER_DEGREE * CENTER.0.to_radians().cos()), north / METRES_PER_DEGREE]
}
