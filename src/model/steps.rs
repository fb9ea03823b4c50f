//! The answers of the policies about one campaign.

use super::decision::PolicyStep;
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// The answers of the policies about one campaign, in the order in which they were asked.
///
/// Those about all campaigns of one question may share a buffer: hundreds of campaigns cost one allocation.
#[derive(Clone, Default)]
pub struct Steps {
    shared: Option<Arc<Vec<PolicyStep>>>,
    own: Range<usize>,
}

impl Steps {
    /// A part of answers about several campaigns that are still being written down; none until [`Steps::fill`].
    pub fn later(own: Range<usize>) -> Self {
        Self { shared: None, own }
    }

    /// Which part of the answers about several campaigns these are.
    pub fn range(&self) -> Range<usize> {
        self.own.clone()
    }

    /// The answers about all of the campaigns, now that they are written down.
    pub fn fill(&mut self, shared: &Arc<Vec<PolicyStep>>) {
        self.shared = Some(Arc::clone(shared));
    }
}

impl Deref for Steps {
    type Target = [PolicyStep];

    fn deref(&self) -> &[PolicyStep] {
        self.shared.as_ref().and_then(|shared| shared.get(self.own.clone())).unwrap_or_default()
    }
}

impl From<Vec<PolicyStep>> for Steps {
    fn from(steps: Vec<PolicyStep>) -> Self {
        let own = 0..steps.len();
        Self { shared: Some(Arc::new(steps)), own }
    }
}

impl PartialEq for Steps {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Steps {}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Detail;

    #[test]
    fn parts_of_one_buffer_are_as_buffers_of_their_own() {
        let step = |policy| PolicyStep { policy, refusal: None, detail: Detail::Plain("said so") };
        let shared = Arc::new(vec![step("consent"), step("paused"), step("consent")]);
        let part = |own| {
            let mut steps = Steps::later(own);
            assert_eq!(steps, Steps::default(), "not yet");
            steps.fill(&shared);
            steps
        };
        assert_eq!(part(0..1), Steps::from(vec![step("consent")]));
        assert_eq!(part(0..1), part(2..3));
        assert_ne!(part(0..1), part(0..2));
        assert_eq!(part(1..3).iter().map(|step| step.policy).collect::<Vec<_>>(), ["paused", "consent"]);
        assert_eq!(part(2..9), Steps::default(), "there is no such part");
        assert_eq!(format!("{:?}", part(1..2)), format!("{:?}", [step("paused")]));
    }
}
