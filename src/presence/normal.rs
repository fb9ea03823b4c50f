//! The normal distribution.

/// So many standard deviations away, the tail is below 1e-9.
const FAR: f64 = 6.0;

/// The probability that a standard normal variable is below `x`: formula 26.2.17 of M. Abramowitz and I. A. Stegun,
/// "Handbook of Mathematical Functions", 1964; the error is below 1e-7. Not-a-number counts as 0.
pub(super) fn phi(x: f64) -> f64 {
    let x = if x.is_nan() { 0.0 } else { x };
    // Most fences are far beyond that, and the tail there is below the error.
    if x.abs() > FAR {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let series =
        t * (0.319_381_530 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt() * series;
    if x > 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_the_tables() {
        for (x, p) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746),
            (-1.0, 0.158_655_254),
            (1.644_853_627, 0.95),
            (-3.0, 0.001_349_898),
            (f64::INFINITY, 1.0),
            (f64::NEG_INFINITY, 0.0),
            (f64::NAN, 0.5),
        ] {
            assert!((phi(x) - p).abs() < 1e-7, "{x}: {}", phi(x));
        }
    }
}
