//! What is wrong with an input, where, and what would be right.

use std::fmt;

/// One violated rule: the field by its path from the root of the request, and a sentence that says what is
/// wrong and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// Path of the field, such as `regions[3].circle.radius_m`.
    pub field: String,
    /// What was wrong and what would be right, such as `is 5; must be 10 to 100,000 metres`.
    pub problem: String,
}

impl Invalid {
    /// A violation at `field`.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }

    /// The same violation seen from one level further out: `radius_m` under `circle` is `circle.radius_m`.
    #[must_use]
    pub fn under(mut self, parent: &str) -> Self {
        let joint = if self.field.is_empty() || self.field.starts_with('[') { "" } else { "." };
        self.field = format!("{parent}{joint}{}", self.field);
        self
    }

    /// The same violation in the entry `index` of a list.
    #[must_use]
    pub fn at(self, list: &str, index: usize) -> Self {
        self.under(&format!("{list}[{index}]"))
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.problem)
    }
}

impl std::error::Error for Invalid {}

/// Checks that a number is finite and within a closed range.
pub fn in_range(field: &str, value: f64, low: f64, high: f64, unit: &str) -> Result<f64, Invalid> {
    if value.is_finite() && (low..=high).contains(&value) {
        Ok(value)
    } else {
        Err(Invalid::new(field, format!("is {value}; must be {low} to {high} {unit}")))
    }
}

/// Checks that a list has at most `most` entries.
pub fn at_most(field: &str, len: usize, most: usize) -> Result<(), Invalid> {
    if len <= most {
        Ok(())
    } else {
        Err(Invalid::new(field, format!("has {len} entries; at most {most} are allowed")))
    }
}

/// Checks a text's length in characters.
pub fn text(field: &str, value: &str, least: usize, most: usize) -> Result<String, Invalid> {
    let chars = value.chars().count();
    if (least..=most).contains(&chars) {
        Ok(value.to_owned())
    } else {
        Err(Invalid::new(field, format!("has {chars} characters; must have {least} to {most}")))
    }
}
