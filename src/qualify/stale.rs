//! Is the transition still news?

use super::asking::{Asking, pass, refuse};
use crate::model::{Detail, PolicyStep, Reason};

const NAME: &str = "staleness";

/// A transition from pings that came after later ones is history. Else passes up to the campaign's time to live
/// after the transition happened, that moment included.
pub(super) fn ask(asking: &Asking<'_>) -> PolicyStep {
    let (age, limit) = (asking.occasion.age, asking.campaign.time_to_live);
    if asking.occasion.transition.belated {
        refuse(NAME, Reason::Stale { age }, "decided after later pings had been")
    } else if age > limit {
        refuse(NAME, Reason::Stale { age }, Detail::Age { age, limit })
    } else {
        pass(NAME, Detail::Age { age, limit })
    }
}
