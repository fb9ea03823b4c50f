//! Which campaigns apply where.

use crate::model::{
    BrandId, Campaign, CampaignId, Place, Region, RegionId, Tag, Topic, TopicDefault, TopicId, TransitionKind,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The campaigns, indexed by where they apply. Immutable: built once for each change of the catalogue.
#[derive(Debug, Clone, Default)]
pub struct CampaignBook {
    /// By id.
    campaigns: Vec<Listed>,
    enter: Index,
    dwell: Index,
    exit: Index,
    approach: Index,
    pass: Index,
}

/// A campaign in the book.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) campaign: Arc<Campaign>,
    /// What holds for customers who did not choose about its topic.
    pub(super) topic_default: TopicDefault,
}

/// For one kind of transition, the positions in `CampaignBook::campaigns`, ascending.
#[derive(Debug, Clone, Default)]
struct Index {
    regions: BTreeMap<RegionId, Vec<usize>>,
    brands: BTreeMap<BrandId, Vec<usize>>,
    tags: BTreeMap<Tag, Vec<usize>>,
}

impl Index {
    fn is_empty(&self) -> bool {
        self.regions.is_empty() && self.brands.is_empty() && self.tags.is_empty()
    }
}

impl CampaignBook {
    /// A book of these campaigns, all on topics that nobody registered. Of several with one id, the last counts.
    pub fn build(campaigns: impl IntoIterator<Item = Arc<Campaign>>) -> Self {
        Self::with_topics(campaigns, [])
    }

    /// A book of these campaigns, with the defaults of these topics.
    pub fn with_topics(
        campaigns: impl IntoIterator<Item = Arc<Campaign>>,
        topics: impl IntoIterator<Item = Arc<Topic>>,
    ) -> Self {
        let defaults: BTreeMap<TopicId, TopicDefault> =
            topics.into_iter().map(|topic| (topic.id.clone(), topic.default)).collect();
        let by_id: BTreeMap<CampaignId, Arc<Campaign>> =
            campaigns.into_iter().map(|campaign| (campaign.id.clone(), campaign)).collect();
        let listed = by_id.into_values().map(|campaign| {
            let topic_default = defaults.get(&campaign.topic).copied().unwrap_or_default();
            Listed { campaign, topic_default }
        });
        let mut book = Self { campaigns: listed.collect(), ..Self::default() };
        for (position, Listed { campaign, .. }) in book.campaigns.iter().enumerate() {
            let index = match campaign.on {
                TransitionKind::Enter => &mut book.enter,
                TransitionKind::Dwell => &mut book.dwell,
                TransitionKind::Exit => &mut book.exit,
                TransitionKind::Approach => &mut book.approach,
                TransitionKind::Pass => &mut book.pass,
            };
            for region in &campaign.regions.regions {
                index.regions.entry(region.clone()).or_default().push(position);
            }
            for brand in &campaign.regions.brands {
                index.brands.entry(brand.clone()).or_default().push(position);
            }
            for tag in &campaign.regions.tags {
                index.tags.entry(tag.clone()).or_default().push(position);
            }
        }
        book
    }

    /// The campaigns that a transition of that kind in a region of a place sets off: each once, by id, paused ones
    /// included. The cost depends on how many are found, not on how many there are.
    pub fn applying<'a>(
        &'a self,
        region: &Region,
        place: &Place,
        kind: TransitionKind,
    ) -> impl Iterator<Item = &'a Arc<Campaign>> + use<'a> {
        self.listed(region, place, kind).map(|listed| &listed.campaign)
    }

    /// The same, with what the book knows of their topics.
    pub(super) fn listed<'a>(
        &'a self,
        region: &Region,
        place: &Place,
        kind: TransitionKind,
    ) -> impl Iterator<Item = &'a Listed> + use<'a> {
        let index = match kind {
            TransitionKind::Enter => &self.enter,
            TransitionKind::Dwell => &self.dwell,
            TransitionKind::Exit => &self.exit,
            TransitionKind::Approach => &self.approach,
            TransitionKind::Pass => &self.pass,
        };
        let tags = region.tags.iter().chain(&place.tags).filter_map(|tag| index.tags.get(tag));
        let found = index.regions.get(&region.id).into_iter().chain(index.brands.get(&place.brand)).chain(tags);
        let mut positions: Vec<usize> = found.flatten().copied().collect();
        positions.sort_unstable();
        positions.dedup();
        positions.into_iter().filter_map(|position| self.campaigns.get(position))
    }

    /// Whether any campaign at all is set off by an approach or a pass. Most books have none, and then nobody looks
    /// for those.
    pub fn looks_around(&self) -> bool {
        !self.approach.is_empty() || !self.pass.is_empty()
    }

    /// A campaign by its id.
    pub fn get(&self, id: &CampaignId) -> Option<&Arc<Campaign>> {
        let position = self.campaigns.binary_search_by(|listed| listed.campaign.id.cmp(id)).ok()?;
        self.campaigns.get(position).map(|listed| &listed.campaign)
    }
}
