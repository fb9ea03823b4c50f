//! Named points at which a tester has the process killed, between any two steps of which one must never be lost.
//!
//! A point does nothing, and costs one load, unless the process was told at its start to die there: by
//! `DOORSTEP_CRASH_AT=after-send` at the first pass, by `after-send:3` at the third. Only `doorstep serve` arms one. It
//! is part of the server that ships, so that what is tested is what runs; who can set a server's environment can kill
//! it anyway. The kill is a SIGKILL: nothing is flushed, closed or told.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The variable that arms a point.
pub const VARIABLE: &str = "DOORSTEP_CRASH_AT";

/// A point at which the process can be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// The store was found good; nothing is served yet.
    AfterOpen,
    /// Commits were taken from the queue; nothing of them is written.
    BeforeCommit,
    /// A batch was written to the log; nothing of it is synced.
    BeforeSync,
    /// A batch is durable; nobody was told.
    AfterCommit,
    /// A trigger was taken from the outbox; the provider knows nothing of it.
    BeforeSend,
    /// The provider has answered; nothing of that is on record.
    AfterSend,
    /// The end of a delivery is durable; the worker does not know it yet.
    AfterRecord,
}

impl Point {
    /// Every point, in the order in which a ping comes by.
    pub const ALL: [Self; 7] = [
        Self::AfterOpen,
        Self::BeforeCommit,
        Self::BeforeSync,
        Self::AfterCommit,
        Self::BeforeSend,
        Self::AfterSend,
        Self::AfterRecord,
    ];

    /// Its name, such as `after-send`.
    pub fn name(self) -> &'static str {
        match self {
            Self::AfterOpen => "after-open",
            Self::BeforeCommit => "before-commit",
            Self::BeforeSync => "before-sync",
            Self::AfterCommit => "after-commit",
            Self::BeforeSend => "before-send",
            Self::AfterSend => "after-send",
            Self::AfterRecord => "after-record",
        }
    }
}

/// Where and when to die: `POINT` or `POINT:PASSES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrashAt {
    /// Where.
    pub point: Point,
    /// At which pass, from 1.
    pub pass: u32,
}

impl fmt::Display for CrashAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.point.name(), self.pass)
    }
}

impl FromStr for CrashAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, pass) = text.split_once(':').unwrap_or((text, "1"));
        let known = || Point::ALL.map(Point::name).join(", ");
        let point = Point::ALL.into_iter().find(|point| point.name() == name);
        let point = point.ok_or_else(|| format!("{name:?} is no point; must be one of {}", known()))?;
        let pass = pass.parse().ok().filter(|pass| *pass > 0);
        Ok(Self { point, pass: pass.ok_or("the pass must be a number from 1 on, as in after-send:3")? })
    }
}

struct Armed {
    point: Point,
    left: AtomicU32,
}

static ARMED: OnceLock<Armed> = OnceLock::new();

/// Has the process killed at a point. Counts once; a later call changes nothing.
pub fn arm(at: CrashAt) {
    let _ = ARMED.set(Armed { point: at.point, left: AtomicU32::new(at.pass) });
}

/// Passes a point: dies there, if that was asked for.
pub fn pass(point: Point) {
    let Some(armed) = ARMED.get().filter(|armed| armed.point == point) else { return };
    if armed.left.fetch_sub(1, Ordering::Relaxed) == 1 {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // The signal is on its way; nothing may happen meanwhile.
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_read_as_it_is_written_and_a_wrong_one_is_refused() {
        for point in Point::ALL {
            assert_eq!(point.name().parse(), Ok(CrashAt { point, pass: 1 }));
            let at = CrashAt { point, pass: 7 };
            assert_eq!(at.to_string().parse(), Ok(at));
            pass(point);
        }
        for (text, problem) in
            [("lunch", "\"lunch\" is no point"), ("after-send:0", "from 1 on"), ("after-send:x", "from 1")]
        {
            assert!(text.parse::<CrashAt>().unwrap_err().contains(problem), "{text}");
        }
    }
}
