//! The figures of a grade, with what to aim for.

use super::{GpsGrade, Grade};

/// One figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// What it counts.
    pub name: &'static str,
    /// The value; not a number where there is nothing to count.
    pub value: f64,
    /// How to write it.
    pub form: Form,
    /// What is good, where one can say.
    pub goal: Option<Goal>,
}

/// How a figure is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A whole number.
    Count,
    /// A share, 0 to 1.
    Share,
    /// Seconds.
    Seconds,
}

/// What is good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// So much or more.
    AtLeast(f64),
    /// So much or less.
    AtMost(f64),
}

impl Form {
    /// A value, written.
    pub fn write(self, value: f64) -> String {
        match self {
            _ if value.is_nan() => "–".to_owned(),
            Self::Count if value.fract() == 0.0 => format!("{value:.0}"),
            Self::Count => format!("{value:.2}"),
            Self::Share => format!("{value:.4}"),
            Self::Seconds => format!("{value:.1} s"),
        }
    }
}

impl Goal {
    /// Whether a value reaches it.
    pub fn met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }

    /// By how much a value misses it; negative where it does better.
    pub fn short_by(self, value: f64) -> f64 {
        match self {
            Self::AtLeast(least) => least - value,
            Self::AtMost(most) => value - most,
        }
    }

    /// The goal, written.
    pub fn write(self, form: Form) -> String {
        let plain = |value: f64| match form {
            Form::Count => format!("{value:.0}"),
            Form::Share => format!("{value}"),
            Form::Seconds => format!("{value:.0} s"),
        };
        match self {
            Self::AtMost(0.0) => "0".to_owned(),
            Self::AtLeast(least) => format!("≥ {}", plain(least)),
            Self::AtMost(most) => format!("≤ {}", plain(most)),
        }
    }
}

impl Grade {
    /// The figures, those that matter most first.
    pub fn figures(&self) -> Vec<Figure> {
        let figure = |name, value, form, goal| Figure { name, value, form, goal };
        let count = |name, value: u64, goal| figure(name, value as f64, Form::Count, goal);
        match self {
            Self::Walk(grade) => gps(grade, [0.99, 2.0, 8.0, 28.0]),
            Self::Drive(grade) => gps(grade, [1.0, 1.0, 2.0, 6.0]),
            Self::Stander(grade) => vec![
                count("enters of the worst phone", grade.worst, Some(Goal::AtMost(1.0))),
                count("enters of all phones", grade.enters, Some(Goal::AtMost(grade.devices as f64))),
                count("phones", grade.devices, None),
            ],
            Self::Background(grade) => {
                let stays = grade.stays as f64;
                vec![
                    count("enters where nobody was", grade.phantom_enters, Some(Goal::AtMost(0.0))),
                    count("stays seen", grade.stays_seen, Some(Goal::AtLeast(stays))),
                    // A phone may leave for a while, and come back: four enters at three stays.
                    count("enters at stays", grade.enters_at_stays, Some(Goal::AtMost((stays * 4.0 / 3.0).ceil()))),
                    count("stays", grade.stays, None),
                    count("fences where nobody was", grade.phantom_fences, None),
                ]
            }
            Self::Rooms(grade) => vec![
                figure("time in the right room", grade.right, Form::Share, Some(Goal::AtLeast(0.998))),
                count("enters", grade.enters, Some(Goal::AtMost((grade.true_moves + 1) as f64))),
                count("true moves", grade.true_moves, None),
                figure("time in a wrong room", grade.wrong, Form::Share, None),
                figure("time in no room", grade.none, Form::Share, None),
            ],
        }
    }
}

/// The figures of a walk or a drive; the goals are recall, false enters and the two delays in seconds.
fn gps(grade: &GpsGrade, [recall, wrong, half, most]: [f64; 4]) -> Vec<Figure> {
    let figure = |name, value, form, goal| Figure { name, value, form, goal };
    let count = |name, value: u64, goal| figure(name, value as f64, Form::Count, goal);
    vec![
        figure("clear visits seen", grade.recall, Form::Share, Some(Goal::AtLeast(recall))),
        count("false enters", grade.false_enters, Some(Goal::AtMost(wrong))),
        count("flaps", grade.flaps, Some(Goal::AtMost(0.0))),
        figure("half of the enters within", grade.delay_p50_s, Form::Seconds, Some(Goal::AtMost(half))),
        figure("nine in ten within", grade.delay_p90_s, Form::Seconds, Some(Goal::AtMost(most))),
        count("near misses", grade.near_miss_enters, None),
        count("clear visits", grade.clear_visits, None),
        count("enters", grade.enters, None),
    ]
}
