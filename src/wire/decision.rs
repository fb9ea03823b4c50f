//! Decisions: every step of an answer, out to those who ask why and back from the record.

use super::campaign::{TRANSITIONS, transition_kind};
use super::limits::cap_scope;
use super::{choice, count, each, finite, name, probability, required, tame, time, unknown_choice, v1};
use crate::model::{
    Assessment, Decision, FixOutcome, FixStep, Invalid, Metres, PolicyStep, Presence, Reason, RegionStep, Sequence,
    Transition, Verdict, VisitId,
};

impl From<&Decision> for v1::Decision {
    fn from(decision: &Decision) -> Self {
        Self {
            name: name::decision_name(&decision.customer, &decision.id),
            device: name::device_name(&decision.customer, &decision.device),
            sequence: decision.sequence.0,
            observe_time: Some(decision.observed.into()),
            decide_time: Some(decision.decided.into()),
            fix: decision.fix.as_ref().map(Into::into),
            regions: decision.regions.iter().map(Into::into).collect(),
            transitions: decision.transitions.iter().map(Into::into).collect(),
            assessments: decision
                .assessments
                .iter()
                .map(|assessment| assessment_message(&decision.customer, assessment))
                .collect(),
            assessments_left_out: decision.left_out,
        }
    }
}

impl TryFrom<v1::Decision> for Decision {
    type Error = Invalid;

    fn try_from(wire: v1::Decision) -> Result<Self, Invalid> {
        let (customer, id) = name::decision("name", &wire.name)?;
        let (owner, device) = name::device("device", &wire.device)?;
        if owner != customer {
            return Err(Invalid::new("device", "belongs to another customer than the decision"));
        }
        Ok(Self {
            id,
            customer,
            device,
            sequence: Sequence(wire.sequence),
            observed: time::device_time("observe_time", required("observe_time", wire.observe_time)?)?,
            decided: time::server_time("decide_time", required("decide_time", wire.decide_time)?)?,
            fix: wire.fix.map(FixStep::try_from).transpose().map_err(|why| why.under("fix"))?,
            regions: each("regions", wire.regions, RegionStep::try_from)?,
            transitions: each("transitions", wire.transitions, Transition::try_from)?,
            assessments: each("assessments", wire.assessments, Assessment::try_from)?,
            left_out: wire.assessments_left_out,
        })
    }
}

impl From<&FixStep> for v1::FixStep {
    fn from(fix: &FixStep) -> Self {
        Self {
            outcome: match fix.outcome {
                FixOutcome::Accepted => v1::FixOutcome::Accepted,
                FixOutcome::Outlier => v1::FixOutcome::Outlier,
                FixOutcome::Inaccurate => v1::FixOutcome::Inaccurate,
                FixOutcome::Mock => v1::FixOutcome::Mock,
                FixOutcome::Late => v1::FixOutcome::Late,
                FixOutcome::Reseated => v1::FixOutcome::Reseated,
                FixOutcome::Implausible => v1::FixOutcome::Implausible,
            }
            .into(),
            accuracy_m: tame(fix.accuracy.0),
            sigma_m: tame(fix.sigma.0),
            surprise: tame(fix.surprise),
        }
    }
}

impl TryFrom<v1::FixStep> for FixStep {
    type Error = Invalid;

    fn try_from(wire: v1::FixStep) -> Result<Self, Invalid> {
        let known = "ACCEPTED, OUTLIER, INACCURATE, MOCK, LATE, RESEATED or IMPLAUSIBLE";
        Ok(Self {
            outcome: match choice("outcome", wire.outcome, known)? {
                v1::FixOutcome::Unspecified => return Err(unknown_choice("outcome", "UNSPECIFIED", known)),
                v1::FixOutcome::Accepted => FixOutcome::Accepted,
                v1::FixOutcome::Outlier => FixOutcome::Outlier,
                v1::FixOutcome::Inaccurate => FixOutcome::Inaccurate,
                v1::FixOutcome::Mock => FixOutcome::Mock,
                v1::FixOutcome::Late => FixOutcome::Late,
                v1::FixOutcome::Reseated => FixOutcome::Reseated,
                v1::FixOutcome::Implausible => FixOutcome::Implausible,
            },
            accuracy: Metres(finite("accuracy_m", wire.accuracy_m)?),
            sigma: Metres(finite("sigma_m", wire.sigma_m)?),
            surprise: finite("surprise", wire.surprise)?,
        })
    }
}

impl From<&RegionStep> for v1::RegionStep {
    fn from(step: &RegionStep) -> Self {
        Self {
            region: name::region_name(&step.region),
            distance_m: tame(step.distance.0),
            probability: tame(step.probability).clamp(0.0, 1.0),
            presence: match step.presence {
                Presence::Outside => v1::Presence::Outside,
                Presence::Inside => v1::Presence::Inside,
            }
            .into(),
        }
    }
}

impl TryFrom<v1::RegionStep> for RegionStep {
    type Error = Invalid;

    fn try_from(wire: v1::RegionStep) -> Result<Self, Invalid> {
        let known = "OUTSIDE or INSIDE";
        Ok(Self {
            region: name::region("region", &wire.region)?,
            distance: Metres(finite("distance_m", wire.distance_m)?),
            probability: probability("probability", wire.probability)?,
            presence: match choice("presence", wire.presence, known)? {
                v1::Presence::Unspecified => return Err(unknown_choice("presence", "UNSPECIFIED", known)),
                v1::Presence::Outside => Presence::Outside,
                v1::Presence::Inside => Presence::Inside,
            },
        })
    }
}

impl From<&Transition> for v1::Transition {
    fn from(transition: &Transition) -> Self {
        Self {
            kind: v1::TransitionKind::from(transition.kind).into(),
            region: name::region_name(&transition.region),
            visit: transition.visit.to_string(),
            happen_time: Some(transition.happened.into()),
            decide_time: Some(transition.decided.into()),
            visit_start_time: Some(transition.visit_start.into()),
            belated: transition.belated,
        }
    }
}

impl TryFrom<v1::Transition> for Transition {
    type Error = Invalid;

    fn try_from(wire: v1::Transition) -> Result<Self, Invalid> {
        Ok(Self {
            kind: transition_kind("kind", choice("kind", wire.kind, TRANSITIONS)?)?,
            region: name::region("region", &wire.region)?,
            visit: VisitId::parse("visit", &wire.visit)?,
            happened: time::device_time("happen_time", required("happen_time", wire.happen_time)?)?,
            decided: time::device_time("decide_time", required("decide_time", wire.decide_time)?)?,
            visit_start: time::device_time("visit_start_time", required("visit_start_time", wire.visit_start_time)?)?,
            belated: wire.belated,
        })
    }
}

fn assessment_message(customer: &crate::model::CustomerId, assessment: &Assessment) -> v1::Assessment {
    let (verdict, suppression, trigger) = match &assessment.verdict {
        Verdict::Qualified(trigger) => (v1::Verdict::Qualified, None, name::trigger_name(customer, trigger)),
        Verdict::Suppressed(reason) => (v1::Verdict::Suppressed, Some(reason.into()), String::new()),
        Verdict::Held { until: _ } => (v1::Verdict::Held, None, String::new()),
    };
    let held_until = match &assessment.verdict {
        Verdict::Held { until } => Some((*until).into()),
        Verdict::Qualified(_) | Verdict::Suppressed(_) => None,
    };
    v1::Assessment {
        campaign: name::campaign_name(&assessment.campaign),
        region: name::region_name(&assessment.region),
        transition: v1::TransitionKind::from(assessment.transition).into(),
        policies: assessment.policies.iter().map(Into::into).collect(),
        verdict: verdict.into(),
        suppression,
        trigger,
        held_until,
    }
}

impl TryFrom<v1::Assessment> for Assessment {
    type Error = Invalid;

    fn try_from(wire: v1::Assessment) -> Result<Self, Invalid> {
        let known = "QUALIFIED, SUPPRESSED or HELD";
        Ok(Self {
            campaign: name::campaign("campaign", &wire.campaign)?,
            region: name::region("region", &wire.region)?,
            transition: transition_kind("transition", choice("transition", wire.transition, TRANSITIONS)?)?,
            policies: each("policies", wire.policies, PolicyStep::try_from)?.into(),
            verdict: match choice("verdict", wire.verdict, known)? {
                v1::Verdict::Unspecified => return Err(unknown_choice("verdict", "UNSPECIFIED", known)),
                v1::Verdict::Qualified => Verdict::Qualified(name::trigger("trigger", &wire.trigger)?.1),
                v1::Verdict::Suppressed => Verdict::Suppressed(suppression(wire.suppression)?),
                v1::Verdict::Held => Verdict::Held {
                    until: time::server_time("held_until", required("held_until", wire.held_until)?)?,
                },
            },
        })
    }
}

impl From<&PolicyStep> for v1::PolicyStep {
    fn from(step: &PolicyStep) -> Self {
        Self {
            policy: step.policy.to_owned(),
            passed: step.refusal.is_none(),
            detail: step.detail.to_string(),
            suppression: step.refusal.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<v1::PolicyStep> for PolicyStep {
    type Error = Invalid;

    fn try_from(wire: v1::PolicyStep) -> Result<Self, Invalid> {
        // A record may be older than the policies of this build.
        let policy = POLICIES.into_iter().find(|known| *known == wire.policy).unwrap_or("retired");
        let refusal = if wire.passed { None } else { Some(suppression(wire.suppression)?) };
        Ok(Self { policy, refusal, detail: wire.detail.into() })
    }
}

/// The names of the policies, in the order in which they are asked.
pub const POLICIES: [&str; 26] = [
    "held",
    "consent",
    "paused",
    "active-window",
    "hours",
    "staleness",
    "topic",
    "audience",
    "journey-stage",
    "quiet-hours",
    "open",
    "same-visit",
    "visit-cooldown",
    "region-cooldown",
    "place-cooldown",
    "brand-cooldown",
    "gap",
    "customer-cap",
    "brand-cap",
    "topic-cap",
    "place-cap",
    "campaign-cap",
    "ledger",
    "pace",
    "arbiter",
    "holdout",
];

impl From<&Reason> for v1::Suppression {
    fn from(reason: &Reason) -> Self {
        use v1::SuppressionReason as Wire;
        let mut wire = Self { until: reason.until().map(Into::into), ..Self::default() };
        let kind = match reason {
            Reason::NoConsent => Wire::NoConsent,
            Reason::ConsentExpired => Wire::ConsentExpired,
            Reason::Stopped => Wire::Stopped,
            Reason::Paused => Wire::Paused,
            Reason::NotActive { until: _ } => Wire::NotActive,
            Reason::Stale { age } => {
                wire.age = Some((*age).into());
                Wire::Stale
            }
            Reason::Topic => Wire::Topic,
            Reason::SameVisit => Wire::SameVisit,
            Reason::Audience => Wire::Audience,
            Reason::JourneyStage => Wire::JourneyStage,
            Reason::Holdout => Wire::Holdout,
            Reason::RegionCooldown { until: _ } => Wire::RegionCooldown,
            Reason::PlaceCooldown { until: _ } => Wire::PlaceCooldown,
            Reason::BrandCooldown { until: _ } => Wire::BrandCooldown,
            Reason::Cap { scope, limit, until: _ } => {
                wire.cap_scope = v1::CapScope::from(*scope).into();
                wire.cap_limit = i32::try_from(*limit).unwrap_or(i32::MAX);
                Wire::Cap
            }
            Reason::Pace { until: _ } => Wire::Pace,
            Reason::Gap { until: _ } => Wire::Gap,
            Reason::VisitCooldown => Wire::VisitCooldown,
            Reason::VisitEnded => Wire::VisitEnded,
            Reason::NoChannel => Wire::NoChannel,
            Reason::MessageFailed => Wire::MessageFailed,
            Reason::QuietHours { until: _ } => Wire::QuietHours,
            Reason::PlaceClosed { until: _ } => Wire::PlaceClosed,
            Reason::OutsideHours { until: _ } => Wire::OutsideHours,
            Reason::Outranked { by } => {
                wire.outranked_by = name::campaign_name(by);
                Wire::Outranked
            }
        };
        wire.reason = kind.into();
        wire
    }
}

impl TryFrom<v1::Suppression> for Reason {
    type Error = Invalid;

    fn try_from(wire: v1::Suppression) -> Result<Self, Invalid> {
        use v1::SuppressionReason as Wire;
        let known = "one of the reasons for a suppression";
        let until = wire.until.map(|at| time::server_time("until", at)).transpose()?;
        let end = || required("until", until);
        Ok(match choice("reason", wire.reason, known)? {
            Wire::Unspecified => return Err(unknown_choice("reason", "UNSPECIFIED", known)),
            Wire::NoConsent => Self::NoConsent,
            Wire::ConsentExpired => Self::ConsentExpired,
            Wire::Stopped => Self::Stopped,
            Wire::Paused => Self::Paused,
            Wire::NotActive => Self::NotActive { until },
            Wire::Stale => Self::Stale { age: time::millis("age", required("age", wire.age)?)? },
            Wire::Topic => Self::Topic,
            Wire::SameVisit => Self::SameVisit,
            Wire::Audience => Self::Audience,
            Wire::JourneyStage => Self::JourneyStage,
            Wire::Holdout => Self::Holdout,
            Wire::RegionCooldown => Self::RegionCooldown { until: end()? },
            Wire::PlaceCooldown => Self::PlaceCooldown { until: end()? },
            Wire::BrandCooldown => Self::BrandCooldown { until: end()? },
            Wire::Cap => Self::Cap {
                scope: cap_scope("cap_scope", wire.cap_scope)?,
                limit: count("cap_limit", wire.cap_limit, i32::MAX.unsigned_abs())?,
                until: end()?,
            },
            Wire::Pace => Self::Pace { until: end()? },
            Wire::Gap => Self::Gap { until: end()? },
            Wire::VisitCooldown => Self::VisitCooldown,
            Wire::VisitEnded => Self::VisitEnded,
            Wire::NoChannel => Self::NoChannel,
            Wire::MessageFailed => Self::MessageFailed,
            Wire::QuietHours => Self::QuietHours { until: end()? },
            Wire::PlaceClosed => Self::PlaceClosed { until },
            Wire::OutsideHours => Self::OutsideHours { until: end()? },
            Wire::Outranked => Self::Outranked { by: name::campaign("outranked_by", &wire.outranked_by)? },
        })
    }
}

fn suppression(wire: Option<v1::Suppression>) -> Result<Reason, Invalid> {
    required("suppression", wire).and_then(|wire| Reason::try_from(wire).map_err(|why| why.under("suppression")))
}
