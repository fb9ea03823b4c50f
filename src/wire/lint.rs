//! Findings about regions.

use super::{name, v1};
use crate::locate::Atlas;
use crate::locate::lint::{Expectation, Finding, Kind, Severity, lint_regions};
use crate::model::RegionId;

/// Most warnings of one response.
pub const WARNINGS_MAX: usize = 200;

/// What there is to say about regions that were just registered, the worst first, 200 at most. An id that the atlas
/// does not have is passed over. Takes up to a second for the thousands of a batch.
pub fn warnings<'a>(atlas: &Atlas, regions: impl IntoIterator<Item = &'a RegionId>) -> Vec<v1::RegionWarning> {
    lint_regions(atlas, regions).iter().take(WARNINGS_MAX).map(v1::RegionWarning::from).collect()
}

impl From<&Finding> for v1::RegionWarning {
    fn from(finding: &Finding) -> Self {
        let severity = match finding.severity {
            Severity::Note => v1::RegionWarningSeverity::Note,
            Severity::Warning => v1::RegionWarningSeverity::Warning,
        };
        let said = Self {
            region: name::region_name(&finding.region),
            severity: severity.into(),
            text: finding.kind.to_string(),
            ..Self::default()
        };
        let about = |kind: v1::RegionWarningKind, other: &RegionId| Self {
            kind: kind.into(),
            other: name::region_name(other),
            others: 1,
            ..said.clone()
        };
        let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        match &finding.kind {
            Kind::TooSmall { inscribed, expectation, better, .. } => Self {
                kind: v1::RegionWarningKind::TooSmall.into(),
                size_m: 2.0 * inscribed.0,
                expectation: Some(expectation.into()),
                better_radius_m: better.0,
                ..said
            },
            Kind::Sensitive { zone } => Self {
                kind: v1::RegionWarningKind::Sensitive.into(),
                other: name::zone_name(zone),
                others: 1,
                ..said
            },
            Kind::TooLarge { across } => {
                Self { kind: v1::RegionWarningKind::TooLarge.into(), size_m: across.0, ..said }
            }
            Kind::NarrowHole { across } => {
                Self { kind: v1::RegionWarningKind::NarrowHole.into(), size_m: across.0, ..said }
            }
            Kind::Overlaps { other, share, .. } => {
                Self { share: *share, ..about(v1::RegionWarningKind::Overlaps, other) }
            }
            Kind::Nested { outer, size, .. } => Self { share: *size, ..about(v1::RegionWarningKind::Nested, outer) },
            Kind::Confusable { other, gap, share } => {
                Self { share: *share, size_m: gap.0, ..about(v1::RegionWarningKind::Confusable, other) }
            }
            Kind::Crowded { others } => {
                Self { kind: v1::RegionWarningKind::Crowded.into(), others: count(*others), ..said }
            }
            Kind::SameBeacon { other, others } => {
                Self { others: count(*others), ..about(v1::RegionWarningKind::SameBeacon, other) }
            }
        }
    }
}

impl From<&Expectation> for v1::RegionExpectation {
    fn from(expectation: &Expectation) -> Self {
        let Expectation { surroundings, missed_visits, missed_walks, false_enters } = *expectation;
        Self { accuracy_m: surroundings.accuracy().0, missed_visits, missed_walks, false_enters }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::lint::{Kinship, Surroundings};
    use crate::model::Metres;

    fn check(kind: Kind, expected: v1::RegionWarning) {
        let region = RegionId::parse("id", "a").unwrap();
        let finding = Finding { region, severity: Severity::Warning, kind };
        let wire = v1::RegionWarning::from(&finding);
        let text = finding.kind.to_string();
        let severity = v1::RegionWarningSeverity::Warning.into();
        assert_eq!(wire, v1::RegionWarning { region: "regions/a".into(), severity, text, ..expected });
    }

    #[test]
    fn findings_go_out_whole() {
        let b = || RegionId::parse("id", "b").unwrap();
        let other = "regions/b".to_owned();
        let expectation = Expectation::new(Metres(10.0), Surroundings::Street);
        let small = Kind::TooSmall {
            inscribed: Metres(10.0),
            is_circle: true,
            expectation,
            better: Metres(30.0),
            better_missed_visits: 0.01,
        };
        let warning = v1::RegionWarning::default;
        check(
            small,
            v1::RegionWarning {
                kind: 1,
                size_m: 20.0,
                better_radius_m: 30.0,
                expectation: Some(v1::RegionExpectation {
                    accuracy_m: 10.0,
                    missed_visits: expectation.missed_visits,
                    missed_walks: expectation.missed_walks,
                    false_enters: expectation.false_enters,
                }),
                ..warning()
            },
        );
        let across = Metres(9.0);
        check(Kind::TooLarge { across }, v1::RegionWarning { kind: 2, size_m: 9.0, ..warning() });
        check(Kind::NarrowHole { across }, v1::RegionWarning { kind: 3, size_m: 9.0, ..warning() });
        let about = |kind| v1::RegionWarning { kind, other: other.clone(), others: 1, ..warning() };
        let kinship = Kinship::SameBrand;
        let overlaps = Kind::Overlaps { other: b(), kinship, share: 0.5 };
        check(overlaps, v1::RegionWarning { share: 0.5, ..about(4) });
        let nested = Kind::Nested { outer: b(), kinship, size: 0.25 };
        check(nested, v1::RegionWarning { share: 0.25, ..about(5) });
        let confusable = Kind::Confusable { other: b(), gap: Metres(3.0), share: 0.0 };
        check(confusable, v1::RegionWarning { size_m: 3.0, ..about(6) });
        check(Kind::Crowded { others: 9 }, v1::RegionWarning { kind: 7, others: 9, ..warning() });
        let same = Kind::SameBeacon { other: b(), others: 3 };
        check(same, v1::RegionWarning { others: 3, ..about(8) });
    }
}
