//! Spans of time as people write them.

use crate::model::{Invalid, Millis};
use jiff::{Span, SpanRelativeTo, Unit};

/// Reads `4h`, `30 min`, `1d 12h` or `PT15M` (days are 24 hours; no months or years).
pub fn parse_span(field: &str, text: &str) -> Result<Millis, Invalid> {
    let wrong = || Invalid::new(field, format!("is {text:?}; must be a span of time such as 90s, 15m, 4h or 1d"));
    let span: Span = text.trim().parse().map_err(|_| wrong())?;
    let ms = span.total((Unit::Millisecond, SpanRelativeTo::days_are_24_hours())).map_err(|_| wrong())?;
    if ms.abs() > 1e15 {
        return Err(wrong());
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked just above")]
    Ok(Millis(ms.round() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        for (text, span) in [
            ("90s", Millis::from_secs(90)),
            ("15m", Millis::from_mins(15)),
            ("4h", Millis::from_hours(4)),
            ("1d", Millis::from_days(1)),
            ("1d 12h", Millis::from_hours(36)),
            ("PT15M", Millis::from_mins(15)),
        ] {
            assert_eq!(parse_span("cooldown", text), Ok(span), "{text}");
        }
        for text in ["", "soon", "4", "2mo", "1y"] {
            assert!(parse_span("cooldown", text).is_err(), "{text}");
        }
    }
}
