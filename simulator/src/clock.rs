//! The machine's clock, for what happens in real time: walks at a given speed, and how long something took.

use doorstep::model::{DeviceTime, Millis};

/// Now, by this machine's clock.
pub fn now() -> DeviceTime {
    DeviceTime(jiff::Timestamp::now().as_millisecond())
}

/// Measures how long something takes.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(tokio::time::Instant);

impl Stopwatch {
    /// Begins to measure.
    pub fn start() -> Self {
        Self(tokio::time::Instant::now())
    }

    /// Seconds since the start.
    pub fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }

    /// Milliseconds since the start.
    pub fn millis(self) -> Millis {
        Millis(i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX))
    }
}
