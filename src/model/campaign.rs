//! What to say, to whom, on which transition of which regions, under which limits.

use super::channel::Channel;
use super::decision::TransitionKind;
use super::hours::WeeklySpan;
use super::ids::{BrandId, CampaignId, RegionId, Tag, TopicId};
use super::journey::JourneyStep;
use super::measure::Measure;
use super::message::Message;
use super::rule::Rule;
use super::time::{Millis, ServerTime};
use std::collections::BTreeSet;

/// Most caps of one campaign.
pub const CAPS_MAX: usize = 8;
/// The longest window of a cap, cooldown or pace.
pub const WINDOW_MAX: Millis = Millis::from_days(31);
/// The highest limit of a cap, and burst of a pace.
pub const LIMIT_MAX: u32 = 100;
/// The time to live of a campaign that does not say.
pub const TIME_TO_LIVE_DEFAULT: Millis = Millis::from_mins(15);
/// The channels of a campaign that does not say: in the app for those who have it in front, else by push.
pub const CHANNELS_DEFAULT: [Channel; 2] = [Channel::InApp, Channel::Push];
/// The priority of a campaign that does not say.
pub const PRIORITY_DEFAULT: u8 = 50;

/// One message and the conditions under which a customer gets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    /// Its id.
    pub id: CampaignId,
    /// What people call it.
    pub display_name: String,
    /// Where it applies.
    pub regions: RegionSelector,
    /// The transition that sets it off.
    pub on: TransitionKind,
    /// The topic that a customer must have opted in to.
    pub topic: TopicId,
    /// What to say.
    pub message: Message,
    /// How long to keep silent after a message.
    pub cooldown: Cooldown,
    /// How many messages a customer may get; all must hold.
    pub caps: Vec<Cap>,
    /// How fast one customer may get messages of this campaign.
    pub pace: Option<Pace>,
    /// Which campaign wins when several qualify at once: 0 to 100, the highest wins.
    pub priority: u8,
    /// What the message is worth; decides between equal priorities, the highest wins. 0 to 1,000,000.
    pub value: f64,
    /// When the campaign runs.
    pub active: ActiveWindow,
    /// Whether it is paused.
    pub paused: bool,
    /// How long after its transition the message is still worth delivering.
    pub time_to_live: Millis,
    /// How long after any other message of the customer it waits, 1 s to 31 days.
    pub min_gap: Option<Millis>,
    /// Whether it tells of something that the customer asked for, such as an order that is ready. It then passes
    /// cooldowns, gap and quiet hours, is counted by no cap and cooldown of other campaigns, and outranks all that are
    /// not.
    pub transactional: bool,
    /// The days and hours at which it speaks, on the customer's clock; at all where there are none. At most
    /// [`HOURS_MAX`](super::hours::HOURS_MAX).
    pub hours: Vec<WeeklySpan>,
    /// Whether it speaks while the place is closed, too.
    pub while_closed: bool,
    /// What becomes of a message outside of hours: quiet ones, its own, those of the place.
    pub outside_hours: OutsideHours,
    /// Whom it is for; absent: everybody.
    pub audience: Option<Rule>,
    /// What it asks of a journey, and does to it; absent: nothing.
    pub journey: Option<JourneyStep>,
    /// What it is measured by: holdout, variants, conversions.
    pub measure: Measure,
    /// By which channels its message goes, the first one first; at least one, each once.
    pub channels: Vec<Channel>,
}

/// What becomes of a message that comes outside of hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutsideHours {
    /// It is not sent.
    #[default]
    Drop,
    /// It waits until they open, for as long as the visit lasts.
    Hold,
}

/// The regions that a campaign applies to: those that any of the sets names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegionSelector {
    /// Regions by id.
    pub regions: BTreeSet<RegionId>,
    /// All regions of these brands.
    pub brands: BTreeSet<BrandId>,
    /// All regions that bear one of these tags, or whose place does.
    pub tags: BTreeSet<Tag>,
}

/// How long to keep silent after a message that a customer got from any campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cooldown {
    /// After one for the same region.
    pub region: Option<Millis>,
    /// After one for any region of the same place.
    pub place: Option<Millis>,
    /// After one for any region of the same brand.
    pub brand: Option<Millis>,
    /// Whether after one in the same visit, for as long as the visit lasts.
    pub visit: bool,
}

/// At most `limit` messages in any such window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// Which messages count.
    pub scope: CapScope,
    /// How many, 1 to 100.
    pub limit: u32,
    /// In which time.
    pub window: CapWindow,
}

/// The time in which a cap counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapWindow {
    /// Any window of that length, 1 s to 31 days.
    Rolling(Millis),
    /// Each day or week of the calendar, as the customer's clock shows it.
    Calendar(Calendar),
}

/// A stretch of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Calendar {
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday (ISO 8601).
    Week,
}

/// Which of a customer's messages a cap counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CapScope {
    /// All of the customer's.
    Customer,
    /// Those for regions of the same brand.
    Brand,
    /// Those on the same topic.
    Topic,
    /// Those for regions of the same place.
    Place,
    /// Those of the same campaign.
    Campaign,
}

/// A rate with room for bursts (GCRA), per customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How many messages may come at once, 1 to 100.
    pub burst: u32,
    /// The time after which one more is allowed, 1 s to 31 days.
    pub refill: Millis,
}

/// When a campaign runs: from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ActiveWindow {
    /// Since ever when absent.
    pub start: Option<ServerTime>,
    /// For ever when absent.
    pub end: Option<ServerTime>,
}
