//! By which channel.

use super::{World, id};
use crate::model::Channel::{self, InApp, Push};
use crate::model::{ByChannel, Choice, Reason};

/// Checks by which channels the message goes, and in what words the policy says so; no words: it has no say.
fn check(campaign: &[Channel], wants: [bool; 2], in_app: bool, goes: &[Channel], words: Option<&str>) {
    let mut world = World::new();
    world.campaign.channels = campaign.to_vec();
    let choice = |wanted: bool| Some(if wanted { Choice::OptIn } else { Choice::OptOut });
    let choices = ByChannel { push: choice(wants[0]), in_app: choice(wants[1]) };
    world.customer.topics.set(id!(TopicId, "offers"), choices);
    world.in_app = in_app;
    let answer = world.ask();
    let case = format!("{campaign:?} {wants:?} {in_app}");
    let step = answer.assessments[0].policies.iter().find(|step| step.policy == "channel");
    assert_eq!(step.map(|step| step.detail.to_string()).as_deref(), words, "{case}");
    assert_eq!(answer.winner.map(|win| win.channels).unwrap_or_default(), goes, "{case}");
    let refused = step.and_then(|step| step.refusal.clone());
    assert_eq!(refused, (goes.is_empty() && wants.contains(&true)).then_some(Reason::NoChannel), "{case}");
}

#[test]
fn a_message_goes_by_the_first_channel_that_is_open_and_wanted() {
    let (both, push, app) = ([true, true], [true, false], [false, true]);
    for (campaign, wants, in_app, goes, words) in [
        (&[InApp, Push][..], both, true, &[InApp, Push][..], None),
        (&[InApp, Push], both, false, &[Push], None),
        (&[InApp, Push], push, true, &[Push], None),
        (&[InApp, Push], app, true, &[InApp], Some("by in-app")),
        (&[InApp, Push], app, false, &[], Some("the app is not in front")),
        (&[Push, InApp], both, false, &[Push, InApp], None),
        (&[Push, InApp], app, true, &[InApp], Some("by in-app")),
        (&[Push], app, true, &[], Some("wants none of its channels")),
        (&[InApp], push, true, &[], Some("wants none of its channels")),
        (&[InApp], both, false, &[], Some("the app is not in front")),
        (&[InApp], both, true, &[InApp], Some("by in-app")),
        // Of who wants to hear nothing of it the policy on topics speaks.
        (&[InApp, Push], [false, false], true, &[], None),
    ] {
        check(campaign, wants, in_app, goes, words);
    }
}
