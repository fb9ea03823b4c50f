//! Two figures that must be equal to those of another program.

/// The deciles of sorted values: that of rank `tenths` among 1 to 9, not a number below two values. They are those of
/// the exclusive method, R-6 in R. Hyndman and Y. Fan, Sample quantiles in statistical packages, The American
/// Statistician 50 (1996).
pub(super) fn decile(sorted: &[f64], tenths: usize) -> f64 {
    let count = sorted.len();
    if count < 2 {
        return f64::NAN;
    }
    let rank = tenths * (count + 1);
    let lower = (rank / 10).clamp(1, count - 1);
    let beyond = rank as f64 - (lower * 10) as f64;
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    (at(lower - 1) * (10.0 - beyond) + at(lower) * beyond) / 10.0
}

/// A share, rounded to four digits after the point; 0 of 0 is 0.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    let exact = part as f64 / whole.max(1) as f64;
    // Formatting rounds the decimal expansion, which rounding a product does not.
    format!("{exact:.4}").parse().unwrap_or(exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deciles_are_those_of_the_exclusive_method() {
        let check = |values: &[f64], tenths, expected: f64| {
            let got = decile(values, tenths);
            assert!((got - expected).abs() < 1e-12 || got.is_nan() && expected.is_nan(), "{values:?}: {got}");
        };
        check(&[], 5, f64::NAN);
        check(&[1.0], 5, f64::NAN);
        check(&[1.0, 3.0], 5, 2.0);
        check(&[1.0, 3.0], 9, 4.4);
        check(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], 9, 9.0);
        check(&[0.0, 1.0, 2.0, 10.0], 5, 1.5);
    }

    #[test]
    fn shares_have_four_digits() {
        for (part, whole, expected) in [(0, 0, 0.0), (2, 3, 0.6667), (1, 1, 1.0), (285, 286, 0.9965)] {
            assert!((share(part, whole) - expected).abs() < 1e-12, "{part} of {whole}");
        }
    }
}
