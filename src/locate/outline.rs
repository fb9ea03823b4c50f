//! One ring in a chart, with an index when it is long.
//!
//! Neighbours in a ring are neighbours on the ground, so that boxes around runs of edges, and around runs of
//! those, make a good index that costs next to nothing: an arc tree (O. Günther, "Efficient Structures for
//! Geometric Data Management", 1988). What is more, a run that lies wholly south of a spot crosses the spot's
//! meridian an odd number of times just when its two ends are on different sides of it.

use super::chart::{Flat, Frame, Nearest, Rect, edge_square};

/// Edges in a run, and runs in a group.
const FAN: usize = 16;
/// Rings of up to so many edges are scanned; the index pays from about here on.
const SCAN_MAX: usize = 24;

/// A ring, ready for measuring.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outline {
    /// The points; the last one is the first.
    points: Box<[Flat]>,
    /// Around each run of edges; empty for a short ring.
    runs: Box<[Rect]>,
    /// Around each group of runs; empty for a short ring.
    groups: Box<[Rect]>,
    /// Around the ring.
    rect: Rect,
}

impl Outline {
    /// Prepares a closed ring.
    pub(super) fn new(points: Vec<Flat>) -> Self {
        let edges = points.len().saturating_sub(1);
        let runs: Box<[Rect]> = if edges <= SCAN_MAX {
            Box::default()
        } else {
            (0..edges.div_ceil(FAN)).map(|run| Rect::around(slice(&points, run * FAN, FAN + 1))).collect()
        };
        let groups = runs.chunks(FAN).map(Rect::of).collect();
        Self { rect: Rect::around(&points), points: points.into_boxed_slice(), runs, groups }
    }

    /// What holds the ring.
    pub(super) fn rect(&self) -> &Rect {
        &self.rect
    }

    /// Whether a spot can be inside.
    pub(super) fn spans(&self, spot: Flat) -> bool {
        let within = |axis: usize| (self.rect.low[axis]..=self.rect.high[axis]).contains(&spot[axis]);
        within(0) && within(1)
    }

    /// Keeps the point of the ring that is nearest to the spot, if it beats the best.
    pub(super) fn visit(&self, frame: &Frame, best: &mut Nearest) {
        if frame.least_square(&self.rect) >= best.square {
            return;
        }
        if self.groups.is_empty() {
            scan(&self.points, frame, best);
        } else {
            nearest_first(frame, &self.groups, best, |group, best| {
                nearest_first(frame, slice(&self.runs, group * FAN, FAN), best, |run, best| {
                    scan(slice(&self.points, (group * FAN + run) * FAN, FAN + 1), frame, best);
                });
            });
        }
    }

    /// Whether the meridian from the spot to the south meets the ring an odd number of times.
    pub(super) fn is_odd(&self, spot: Flat) -> bool {
        if self.groups.is_empty() {
            return odd_edges(&self.points, spot);
        }
        let mut odd = false;
        for (group, rect) in self.groups.iter().enumerate() {
            let points = slice(&self.points, group * FAN * FAN, FAN * FAN + 1);
            odd ^= odd_run(points, rect, spot, || {
                let runs = slice(&self.runs, group * FAN, FAN).iter().enumerate();
                runs.fold(false, |odd, (run, rect)| {
                    let points = slice(points, run * FAN, FAN + 1);
                    odd ^ odd_run(points, rect, spot, || odd_edges(points, spot))
                })
            });
        }
        odd
    }
}

/// Up to `len` items from `from` on; fewer, or none, past the end.
fn slice<T>(items: &[T], from: usize, len: usize) -> &[T] {
    items.get(from..).map_or(&[], |rest| rest.get(..len).unwrap_or(rest))
}

/// Visits the rectangles that can hold something nearer than the best, the most promising one first.
fn nearest_first(frame: &Frame, rects: &[Rect], best: &mut Nearest, mut visit: impl FnMut(usize, &mut Nearest)) {
    let least = rects.iter().map(|rect| frame.least_square(rect)).enumerate();
    let Some((first, square)) = least.min_by(|a, b| a.1.total_cmp(&b.1)) else { return };
    if square >= best.square {
        return;
    }
    visit(first, best);
    for (index, rect) in rects.iter().enumerate() {
        if index != first && frame.least_square(rect) < best.square {
            visit(index, best);
        }
    }
}

/// Looks closely only at the edges that can beat the best, the most promising one first: as a rule at one or two of
/// them. Takes at most [`SCAN_MAX`] edges.
fn scan(points: &[Flat], frame: &Frame, best: &mut Nearest) {
    let edges = || points.iter().zip(points.iter().skip(1));
    // Coordinate by coordinate, so that several edges go into one instruction.
    let (mut xs, mut ys) = ([0.0; SCAN_MAX + 1], [0.0; SCAN_MAX + 1]);
    for ((x, y), point) in xs.iter_mut().zip(&mut ys).zip(points) {
        [*x, *y] = frame.least_offset(*point);
    }
    let mut bounds = [f64::INFINITY; SCAN_MAX];
    let Some(bounds) = bounds.get_mut(..points.len().saturating_sub(1)) else { return };
    let corners = xs.iter().zip(&ys).zip(xs[1..].iter().zip(&ys[1..]));
    for (bound, ((ax, ay), (bx, by))) in bounds.iter_mut().zip(corners) {
        *bound = edge_square([*ax, *ay], [*bx, *by]);
    }
    let least = bounds.iter().fold(f64::INFINITY, |least, bound| if *bound < least { *bound } else { least });
    if least >= best.square {
        return;
    }
    for (_, (a, b)) in bounds.iter().zip(edges()).filter(|(bound, _)| **bound <= least) {
        frame.visit(*a, *b, best);
    }
    for (bound, (a, b)) in bounds.iter().zip(edges()) {
        if *bound > least && *bound < best.square {
            frame.visit(*a, *b, best);
        }
    }
}

/// Parity of a run of edges within a rectangle; looks at its edges only when it must.
fn odd_run(points: &[Flat], rect: &Rect, spot: Flat, edges: impl FnOnce() -> bool) -> bool {
    if rect.low[0] > spot[0] || rect.high[0] <= spot[0] || rect.low[1] >= spot[1] {
        false
    } else if rect.high[1] < spot[1] {
        let (Some(a), Some(b)) = (points.first(), points.last()) else { return false };
        is_west(*a, spot) != is_west(*b, spot)
    } else {
        edges()
    }
}

fn odd_edges(points: &[Flat], spot: Flat) -> bool {
    points.iter().zip(points.iter().skip(1)).fold(false, |odd, (a, b)| odd ^ is_crossed(*a, *b, spot))
}

/// Whether a point counts as west of a spot's meridian; a point on it does, so that each crossing counts once.
fn is_west(point: Flat, spot: Flat) -> bool {
    point[0] <= spot[0]
}

/// Whether the meridian from the spot to the south meets an edge.
fn is_crossed(a: Flat, b: Flat, spot: Flat) -> bool {
    if is_west(a, spot) == is_west(b, spot) {
        return false;
    }
    let north = (b[0] - a[0]) * (spot[1] - a[1]) - (b[1] - a[1]) * (spot[0] - a[0]);
    if b[0] > a[0] { north > 0.0 } else { north < 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::chart::Chart;
    use crate::locate::earth::{Spot, Station};
    use crate::locate::samples::{at, star};

    #[test]
    fn an_index_finds_what_a_scan_finds() {
        for edges in [3, 12, SCAN_MAX, SCAN_MAX + 1, 48, 255, 256, 257, 273, 5_000] {
            let points: Vec<Flat> = star(edges, 3).iter().map(|(x, y)| [0.01 * x, 0.01 * y]).collect();
            let indexed = Outline::new(points.clone());
            assert_eq!(indexed.groups.is_empty(), edges <= SCAN_MAX);
            // Vertices among them, where the spot's meridian meets two edges in one point.
            let grid = (0..400).map(|i| [f64::from(i % 20 - 10) * 0.0012, f64::from(i / 20 - 10) * 0.0012]);
            for spot in grid.chain(points.iter().step_by(7).map(|p| [p[0], p[1] + 0.001])) {
                let station = Station::new(Spot::new(at(spot[1], spot[0])));
                let frame = Chart::Graticule { middle: 0.0 }.frame(&station, indexed.rect());
                let nearest = |outline: &Outline| {
                    let mut best = Nearest::NONE;
                    outline.visit(&frame, &mut best);
                    best.square
                };
                let mut each = Nearest::NONE;
                points.windows(2).for_each(|edge| frame.visit(edge[0], edge[1], &mut each));
                // A vertex that two edges share is seen from the one or from the other, which rounds differently.
                let (found, truth) = (nearest(&indexed), each.square);
                assert!(
                    (found - truth).abs() <= 1e-12 * truth + 1e-18,
                    "{found}, {truth}: {edges} edges from {spot:?}"
                );
                assert_eq!(indexed.is_odd(spot), odd_edges(&points, spot), "{edges} edges from {spot:?}");
            }
        }
    }
}
