//! One asymmetric latch a region: in when the probability is high, out only when it is clearly low for a while.

use crate::model::{DeviceId, DeviceTime, Metres, Millis, Presence, RegionId, Transition, TransitionKind, VisitId};

const SIGMA_MIN_M: f64 = 5.0;
const ENTER_SIGMA: f64 = 0.7;
const EXIT_SIGMA: f64 = 2.3;
const EXIT_BUFFER_M: f64 = 20.0;
const EXIT_AFTER: Millis = Millis::from_secs(60);

/// The debounced presence in one region.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Latch {
    /// Not in the region.
    #[default]
    Outside,
    /// In the region.
    Inside {
        /// The visit.
        visit: VisitId,
        /// When it began.
        since: DeviceTime,
        /// Whether it counted as a dwell already.
        dwelt: bool,
        /// Since when the device seems to be out.
        leaving: Option<DeviceTime>,
    },
}

impl Latch {
    /// The presence that it stands for.
    pub fn presence(&self) -> Presence {
        match self {
            Self::Outside => Presence::Outside,
            Self::Inside { .. } => Presence::Inside,
        }
    }

    /// Takes one estimate; returns the probability of being inside.
    pub fn update(
        &mut self,
        (device, region): (&DeviceId, &RegionId),
        at: DeviceTime,
        distance: Metres,
        sigma: Metres,
        dwell: Millis,
        transitions: &mut Vec<Transition>,
    ) -> f64 {
        let sigma = sigma.0.max(SIGMA_MIN_M);
        let depth = -distance.0 / sigma;
        let mut push = |kind, visit: &VisitId, happened| {
            transitions.push(Transition {
                kind,
                region: region.clone(),
                visit: visit.clone(),
                happened,
                decided: at,
            });
        };
        match self {
            Self::Outside => {
                if depth > ENTER_SIGMA {
                    let visit = VisitId::derive(device, region, at);
                    push(TransitionKind::Enter, &visit, at);
                    *self = Self::Inside { visit, since: at, dwelt: false, leaving: None };
                }
            }
            Self::Inside { visit, since, dwelt, leaving } => {
                if (distance.0 - EXIT_BUFFER_M) / sigma > EXIT_SIGMA {
                    let left = *leaving.get_or_insert(at);
                    if at - left >= EXIT_AFTER {
                        push(TransitionKind::Exit, visit, left);
                        *self = Self::Outside;
                    }
                } else {
                    *leaving = None;
                    if !*dwelt && at - *since >= dwell {
                        *dwelt = true;
                        push(TransitionKind::Dwell, visit, *since + dwell);
                    }
                }
            }
        }
        0.5 * (1.0 + (depth * 0.797_884_6 * (1.0 + 0.044_715 * depth * depth)).tanh())
    }
}
