//! Outcomes in the words of a scenario. No outcome holds a comma: that is what sets them apart.

use super::words::Day;
use doorstep::engine::{Observed, Outcome, Refusal};
use doorstep::model::{
    Assessment, CampaignId, Channel, FixOutcome, Message, Reason, Transition, TransitionKind, Trigger, Verdict,
};
use std::collections::BTreeSet;

/// What one ping led to: what became of the fix, then each transition, what was sent on it, and what was not.
pub(super) fn observed(observed: &Observed, day: &Day, worded: &BTreeSet<CampaignId>) -> Vec<String> {
    match observed {
        Observed::Refused(refusal) => vec![format!("refused: {}", refused(*refusal))],
        Observed::Kept(outcomes) => outcomes.iter().flat_map(|outcome| decided(outcome, day, worded)).collect(),
        Observed::Hushed(outcomes) => {
            let told = outcomes.iter().flat_map(|outcome| decided(outcome, day, worded));
            std::iter::once("hushed".to_owned()).chain(told).collect()
        }
    }
}

/// What came of one decision. What campaigns say is told of those that are `worded`.
pub(super) fn decided(outcome: &Outcome, day: &Day, worded: &BTreeSet<CampaignId>) -> Vec<String> {
    let decision = &outcome.decision;
    let mut outcomes: Vec<String> = decision.fix.iter().filter_map(|fix| fixed(fix.outcome)).collect();
    for transition in &decision.transitions {
        outcomes.push(format!("{} {}", kind(transition.kind), transition.region));
        let on = |assessment: &&Assessment| is_on(assessment, transition);
        let mut verdicts: Vec<&Assessment> = decision.assessments.iter().filter(on).collect();
        verdicts.sort_by_key(|assessment| assessment.verdict.kind());
        outcomes.extend(verdicts.into_iter().map(|assessment| verdict(assessment, day)));
    }
    // What had waited, or waited in a visit that ended.
    let untold = |assessment: &&Assessment| !decision.transitions.iter().any(|own| is_on(assessment, own));
    let mut waited: Vec<&Assessment> = decision.assessments.iter().filter(untold).collect();
    waited.sort_by_key(|assessment| assessment.verdict.kind());
    outcomes.extend(waited.into_iter().map(|assessment| verdict(assessment, day)));
    if let Some(trigger) = &outcome.trigger
        && let Some(position) = outcomes.iter().position(|outcome| *outcome == format!("sent {}", trigger.campaign))
    {
        if worded.contains(&trigger.campaign) {
            outcomes.insert(position + 1, said(trigger));
        }
        if trigger.channels.first() == Some(&Channel::InApp) {
            outcomes[position].push_str(" in the app");
        }
    }
    outcomes
}

/// `says “Hi Maya: On us”`, with what else there is.
fn said(trigger: &Trigger) -> String {
    let Message { title, body, deep_link, data, image, buttons, locale, .. } = &trigger.message;
    let mut said = format!("says “{title}: {body}”");
    let tag = locale.iter().map(|own| format!(" in {}", own.as_str()));
    let links = deep_link.iter().chain(image).map(|link| format!(" {link}"));
    let data = data.iter().map(|(key, value)| format!(" {key}={value}"));
    let buttons = buttons.iter().map(|own| format!(" [{}]", own.title));
    said.extend(tag.chain(links).chain(data).chain(buttons));
    if let Some(why) = &trigger.fell_back {
        said.extend([" since ", why.as_str()]);
    }
    said.replace(',', ";")
}

fn is_on(assessment: &Assessment, transition: &Transition) -> bool {
    assessment.region == transition.region && assessment.transition == transition.kind
}

fn kind(kind: TransitionKind) -> &'static str {
    match kind {
        TransitionKind::Enter => "enter",
        TransitionKind::Dwell => "dwell",
        TransitionKind::Exit => "exit",
        TransitionKind::Approach => "approach",
        TransitionKind::Pass => "pass",
    }
}

fn fixed(outcome: FixOutcome) -> Option<String> {
    match outcome {
        FixOutcome::Accepted => None,
        FixOutcome::Outlier => Some("set aside: outlier".to_owned()),
        FixOutcome::Inaccurate => Some("set aside: inaccurate".to_owned()),
        FixOutcome::Mock => Some("set aside: mock".to_owned()),
        FixOutcome::Late => Some("set aside: late".to_owned()),
        FixOutcome::Reseated => Some("begun anew".to_owned()),
        FixOutcome::Implausible => Some("set aside, implausible".to_owned()),
    }
}

fn refused(refusal: Refusal) -> String {
    match refusal {
        Refusal::FromTheFuture { ahead } => format!("from the future ({ahead} ahead)"),
        Refusal::TooOld { age } => format!("too old ({age})"),
        Refusal::Duplicate => "duplicate".to_owned(),
        Refusal::NoConsent => "no consent".to_owned(),
    }
}

fn verdict(assessment: &Assessment, day: &Day) -> String {
    let campaign = &assessment.campaign;
    match &assessment.verdict {
        Verdict::Qualified(_) => format!("sent {campaign}"),
        Verdict::Held { until } => format!("held {campaign} until {}", day.clock(until.0)),
        Verdict::Suppressed(reason) => {
            let until = reason.until().map(|until| format!(" until {}", day.clock(until.0))).unwrap_or_default();
            format!("suppressed {campaign}: {}{}{until}", reason.label(), detail(reason, assessment))
        }
    }
}

/// What the label leaves out.
fn detail(reason: &Reason, assessment: &Assessment) -> String {
    // A rule is told as the policy found it; a comma would begin another outcome.
    let found = || {
        let step = assessment.policies.iter().find(|step| step.refusal.as_ref() == Some(reason));
        step.map(|step| format!(" ({})", step.detail.to_string().replace(',', ";"))).unwrap_or_default()
    };
    match reason {
        Reason::Audience | Reason::JourneyStage | Reason::NoChannel | Reason::MessageFailed => found(),
        Reason::Stale { age } => format!(" ({age} old)"),
        Reason::Outranked { by } => format!(" by {by}"),
        Reason::Cap { limit, .. } => format!(" of {limit}"),
        Reason::NoConsent
        | Reason::ConsentExpired
        | Reason::Stopped
        | Reason::Paused
        | Reason::NotActive { .. }
        | Reason::Topic
        | Reason::Holdout
        | Reason::SameVisit
        | Reason::VisitCooldown
        | Reason::VisitEnded
        | Reason::Gap { .. }
        | Reason::OutsideHours { .. }
        | Reason::PlaceClosed { .. }
        | Reason::QuietHours { .. }
        | Reason::RegionCooldown { .. }
        | Reason::PlaceCooldown { .. }
        | Reason::BrandCooldown { .. }
        | Reason::Pace { .. } => String::new(),
    }
}

/// Writes what happened as one line would hold it.
pub(super) fn sentence(outcomes: &[String]) -> String {
    if outcomes.is_empty() { "nothing".to_owned() } else { outcomes.join(", ") }
}
