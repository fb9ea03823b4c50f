//! How sure a share is, and the difference and ratio of two, at 95 %.
//!
//! Customers are drawn into arms, but shares are of visits, and the visits of one customer resemble each other. So each
//! share is first taken for one of as many independent visits as are worth the same ([`Clusters::sample`]).

/// The 97.5th percentile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// An estimate and the interval around it that covers the true value in 95 of 100 experiments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// So many of so many trials succeeded. Neither need be whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Successes, 0 to `trials`.
    pub successes: f64,
    /// Trials, more than 0.
    pub trials: f64,
}

/// Successes and trials in clusters of different size: visits of customers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Clusters {
    /// How many clusters there are.
    pub clusters: f64,
    /// The sum of their trials,
    pub trials: f64,
    /// of their successes,
    pub successes: f64,
    /// of the squares of their trials,
    pub trials_squares: f64,
    /// of the squares of their successes,
    pub successes_squares: f64,
    /// and of the products of the two.
    pub products: f64,
}

impl Sample {
    /// The share that succeeded.
    pub fn share(self) -> f64 {
        self.successes / self.trials
    }

    /// The share, with the score interval of Wilson (1927), without correction for continuity.
    pub fn wilson(self) -> Interval {
        let (n, p) = (self.trials, self.share());
        let middle = p + Z * Z / (2.0 * n);
        let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        // Rounding must not leave the estimate outside.
        let (low, high) = (((middle - half) / scale).max(0.0).min(p), ((middle + half) / scale).min(1.0).max(p));
        Interval { value: p, low, high }
    }
}

/// By how much the share of `a` is larger than that of `b`, with the hybrid score interval of Newcombe (1998), his
/// method 10: -1 to 1.
pub fn difference(a: Sample, b: Sample) -> Interval {
    let (a, b) = (a.wilson(), b.wilson());
    let value = a.value - b.value;
    let low = value - (a.value - a.low).hypot(b.high - b.value);
    let high = value + (a.high - a.value).hypot(b.value - b.low);
    Interval { value, low, high }
}

/// By which part the share of `a` is larger than that of `b`: 0.2 is a fifth more; with the log interval of Katz et al.
/// (1978). Nothing where either has no success.
pub fn relative(a: Sample, b: Sample) -> Option<Interval> {
    if a.successes <= 0.0 || b.successes <= 0.0 {
        return None;
    }
    let log_variance = |sample: Sample| (1.0 / sample.successes - 1.0 / sample.trials).max(0.0);
    let factor = (Z * (log_variance(a) + log_variance(b)).sqrt()).exp();
    let ratio = a.share() / b.share();
    Some(Interval { value: ratio - 1.0, low: ratio / factor - 1.0, high: ratio * factor - 1.0 })
}

impl Clusters {
    /// How many times more the share varies than if every trial were on its own: the design effect of Rao and Scott
    /// (1992), at least 1. Where the data do not tell, for there is but one cluster, or all or none succeeded, trials
    /// of a cluster are taken to be all alike.
    pub fn design_effect(&self) -> f64 {
        let Self { clusters, trials, successes, trials_squares, successes_squares, products } = *self;
        if trials <= 0.0 {
            return 1.0;
        }
        let share = successes / trials;
        let simple = share * (1.0 - share) / trials;
        if clusters < 2.0 || simple <= 0.0 {
            return (trials_squares / trials).max(1.0);
        }
        let residuals = successes_squares - 2.0 * share * products + share * share * trials_squares;
        let clustered = clusters / (clusters - 1.0) * residuals / (trials * trials);
        (clustered / simple).max(1.0)
    }

    /// So many successes of so many trials in clusters like these, as if every trial were on its own; nothing without a
    /// trial.
    pub fn sample(&self, successes: u64, trials: u64) -> Option<Sample> {
        let effect = self.design_effect();
        (trials > 0).then(|| Sample { successes: successes as f64 / effect, trials: trials as f64 / effect })
    }
}
