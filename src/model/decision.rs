//! What the engine answered for one ping, and why.

use super::campaign::CapScope;
use super::detail::Detail;
use super::ids::{CampaignId, CustomerId, DecisionId, DeviceId, RegionId, TriggerId, VisitId};
use super::ping::Sequence;
use super::steps::Steps;
use super::time::{DeviceTime, Millis, ServerTime};
use super::units::Metres;

/// What the engine answered for one ping: every step from the fix to the verdicts, without coordinates.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Its id, unique within the customer.
    pub id: DecisionId,
    /// Whose.
    pub customer: CustomerId,
    /// The device that reported.
    pub device: DeviceId,
    /// The ping's number; 0 when it was decided by silence, or asked about again.
    pub sequence: Sequence,
    /// When the device took the reading, by its own clock; up to when it was silent, or a message waited, when that
    /// decided.
    pub observed: DeviceTime,
    /// When the server decided.
    pub decided: ServerTime,
    /// What the track filter made of the fix; absent when the ping had none.
    pub fix: Option<FixStep>,
    /// The regions that were considered, the nearest first.
    pub regions: Vec<RegionStep>,
    /// The transitions, in the order in which they happened.
    pub transitions: Vec<Transition>,
    /// One assessment for each campaign that applies to one of the transitions.
    pub assessments: Vec<Assessment>,
    /// How many further assessments were made and are not kept here: the decision would grow too large.
    pub left_out: u32,
}

/// What the track filter made of a fix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixStep {
    /// Taken, or why not.
    pub outcome: FixOutcome,
    /// The accuracy that the phone reported.
    pub accuracy: Metres,
    /// The track's own uncertainty after the fix, one standard deviation.
    pub sigma: Metres,
    /// How far the fix was from where the track expected it, in standard deviations.
    pub surprise: f64,
}

/// What became of a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixOutcome {
    /// Taken into the track.
    Accepted,
    /// Set aside: too far from where the track expected it.
    Outlier,
    /// Set aside: its accuracy is too low to decide anything.
    Inaccurate,
    /// Set aside: it comes from a mock location provider.
    Mock,
    /// Set aside: a later ping of the device was decided already.
    Late,
    /// The track was given up after several fixes elsewhere, and begun anew there.
    Reseated,
    /// Set aside: nothing travels there from where the track was in that time.
    Implausible,
}

/// What the engine knew of one region at one ping.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionStep {
    /// The region.
    pub region: RegionId,
    /// Distance from the track to the region's edge, negative inside; 0 for a beacon region.
    pub distance: Metres,
    /// Probability that the device is inside, 0 to 1.
    pub probability: f64,
    /// The presence after this ping.
    pub presence: Presence,
}

/// The debounced state of a device in a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Outside.
    Outside,
    /// Inside.
    Inside,
}

/// A change of a device's presence in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// What happened.
    pub kind: TransitionKind,
    /// Where.
    pub region: RegionId,
    /// The visit that it belongs to.
    pub visit: VisitId,
    /// When that visit began. Of an approach or a pass: when it happened.
    pub visit_start: DeviceTime,
    /// When it happened, as far as the pings tell.
    pub happened: DeviceTime,
    /// The time of the ping at which it was decided.
    pub decided: DeviceTime,
    /// Whether the ping came after later ones of the device had been decided. Such a transition is history, and
    /// triggers nothing.
    pub belated: bool,
}

impl Transition {
    /// How long the visit had lasted.
    pub fn duration(&self) -> Millis {
        self.happened - self.visit_start
    }
}

/// The kinds of transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransitionKind {
    /// The device came into the region.
    Enter,
    /// The device has been in the region for the region's dwell time.
    Dwell,
    /// The device left the region.
    Exit,
    /// The device is heading for the region, and near it in distance or time.
    Approach,
    /// The device crossed the region without a visit.
    Pass,
}

/// How one campaign was assessed on one transition.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// The campaign.
    pub campaign: CampaignId,
    /// The region.
    pub region: RegionId,
    /// The transition.
    pub transition: TransitionKind,
    /// The answer of each policy that has a say on the campaign, in the order in which they are asked. All of them are
    /// asked, though one refusal suffices.
    pub policies: Steps,
    /// The verdict.
    pub verdict: Verdict,
}

/// One policy's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyStep {
    /// The policy's name, such as `brand-cooldown`.
    pub policy: &'static str,
    /// Why it refused; absent when it let the message pass.
    pub refusal: Option<Reason>,
    /// What it found.
    pub detail: Detail,
}

/// The answer for one campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A trigger was made.
    Qualified(TriggerId),
    /// Nothing is sent: the reason of the first policy that refused.
    Suppressed(Reason),
    /// It waits, and is asked about again at that time.
    Held {
        /// When.
        until: ServerTime,
    },
}

/// The answer for one campaign, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VerdictKind {
    /// A trigger was made.
    Qualified,
    /// It waits.
    Held,
    /// Nothing is sent.
    Suppressed,
}

impl Verdict {
    /// The answer in a word.
    pub fn kind(&self) -> VerdictKind {
        match self {
            Self::Qualified(_) => VerdictKind::Qualified,
            Self::Held { .. } => VerdictKind::Held,
            Self::Suppressed(_) => VerdictKind::Suppressed,
        }
    }
}

/// What a message waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// Hours that open.
    Hours,
    /// Others that qualify about the same time, so that one of them can be chosen.
    Settle,
}

/// Why nothing is sent, and until when where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The customer has not granted consent for location messaging.
    NoConsent,
    /// The customer's consent has expired.
    ConsentExpired,
    /// The customer wants to hear nothing at all.
    Stopped,
    /// The campaign is paused.
    Paused,
    /// The campaign does not run at this time; it will from `until` on, where that is to come.
    NotActive {
        /// When it starts.
        until: Option<ServerTime>,
    },
    /// The transition was decided too long after it happened.
    Stale {
        /// How long after.
        age: Millis,
    },
    /// The customer does not want to hear of the topic on any channel.
    Topic,
    /// This visit set off this campaign before.
    SameVisit,
    /// A message for this region was sent too recently.
    RegionCooldown {
        /// When the cooldown ends.
        until: ServerTime,
    },
    /// A message for this place was sent too recently.
    PlaceCooldown {
        /// When the cooldown ends.
        until: ServerTime,
    },
    /// A message for this brand was sent too recently.
    BrandCooldown {
        /// When the cooldown ends.
        until: ServerTime,
    },
    /// A cap is reached.
    Cap {
        /// Which messages it counts.
        scope: CapScope,
        /// How many it allows.
        limit: u32,
        /// When the next message has room.
        until: ServerTime,
    },
    /// The pace is used up.
    Pace {
        /// When the next message has room.
        until: ServerTime,
    },
    /// The customer is none of those whom the campaign is for.
    Audience,
    /// The customer is at another stage of the journey than the campaign asks for.
    JourneyStage,
    /// Another campaign won.
    Outranked {
        /// Which.
        by: CampaignId,
    },
    /// The customer is one of those who are held out, so that the campaign's effect can be measured.
    Holdout,
    /// Some message was sent too recently.
    Gap {
        /// When the gap ends.
        until: ServerTime,
    },
    /// This visit had a message of some campaign.
    VisitCooldown,
    /// The visit ended while the message waited.
    VisitEnded,
    /// None of the campaign's channels reaches the customer, or is one by which the customer wants to hear of the
    /// topic.
    NoChannel,
    /// The message could not be printed, and the campaign has no fallback.
    MessageFailed,
    /// It is one of the customer's quiet hours.
    QuietHours {
        /// When they end.
        until: ServerTime,
    },
    /// The place is closed; it opens at `until`, where that is known.
    PlaceClosed {
        /// When it opens.
        until: Option<ServerTime>,
    },
    /// It is none of the campaign's days and hours.
    OutsideHours {
        /// When they begin.
        until: ServerTime,
    },
}

impl Reason {
    /// Until when the suppression lasts, where that is known.
    pub fn until(&self) -> Option<ServerTime> {
        match self {
            Self::NotActive { until } | Self::PlaceClosed { until } => *until,
            Self::RegionCooldown { until }
            | Self::PlaceCooldown { until }
            | Self::BrandCooldown { until }
            | Self::Cap { until, .. }
            | Self::Pace { until }
            | Self::Gap { until }
            | Self::QuietHours { until }
            | Self::OutsideHours { until } => Some(*until),
            Self::NoConsent
            | Self::ConsentExpired
            | Self::Stopped
            | Self::Paused
            | Self::Stale { .. }
            | Self::Topic
            | Self::SameVisit
            | Self::Audience
            | Self::JourneyStage
            | Self::Holdout
            | Self::VisitCooldown
            | Self::VisitEnded
            | Self::NoChannel
            | Self::MessageFailed
            | Self::Outranked { .. } => None,
        }
    }

    /// The reason in a few words, without its end: `brand cooldown`.
    pub fn label(&self) -> &'static str {
        match self {
            Self::NoConsent => "no consent",
            Self::ConsentExpired => "consent expired",
            Self::Stopped => "stopped",
            Self::Paused => "campaign paused",
            Self::NotActive { .. } => "campaign not active",
            Self::Stale { .. } => "stale",
            Self::Topic => "topic not wanted",
            Self::SameVisit => "same visit",
            Self::RegionCooldown { .. } => "region cooldown",
            Self::PlaceCooldown { .. } => "place cooldown",
            Self::BrandCooldown { .. } => "brand cooldown",
            Self::Cap { scope: CapScope::Customer, .. } => "customer cap",
            Self::Cap { scope: CapScope::Brand, .. } => "brand cap",
            Self::Cap { scope: CapScope::Topic, .. } => "topic cap",
            Self::Cap { scope: CapScope::Place, .. } => "place cap",
            Self::Cap { scope: CapScope::Campaign, .. } => "campaign cap",
            Self::Pace { .. } => "pace",
            Self::Audience => "audience",
            Self::JourneyStage => "journey stage",
            Self::Holdout => "holdout",
            Self::Outranked { .. } => "outranked",
            Self::Gap { .. } => "gap",
            Self::VisitCooldown => "visit cooldown",
            Self::VisitEnded => "visit ended",
            Self::NoChannel => "no channel",
            Self::MessageFailed => "message failed",
            Self::QuietHours { .. } => "quiet hours",
            Self::PlaceClosed { .. } => "place closed",
            Self::OutsideHours { .. } => "outside hours",
        }
    }
}

/// When a further report can first make a difference: whichever of the two comes first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReportAdvice {
    /// After this time, 1 s to 10 min.
    pub after: Millis,
    /// After having moved this far, 10 m to 10 km.
    pub moved: Metres,
}
