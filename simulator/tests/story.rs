//! The story in-process: three people, three outcomes, whatever the noise.
#![allow(clippy::expect_used, reason = "a test stops where something is amiss")]

use simulator::demo::DemoArgs;
use simulator::story::run;

#[tokio::test(flavor = "multi_thread")]
async fn the_same_street_is_three_stories() {
    for seed in [7, 8, 9] {
        let mut out = Vec::new();
        let args = DemoArgs { story: true, json: true, seed, ..DemoArgs::default() };
        let summary = run(&args, &mut out).await.expect("the story is told");
        let text = String::from_utf8(out).expect("text");
        let last: serde_json::Value = serde_json::from_str(text.lines().last().expect("a last line")).expect("JSON");
        assert_eq!(last, serde_json::to_value(&summary).expect("JSON"));

        let fate = |who: &str| summary.people.get(who).expect("a person");
        assert_eq!(
            (&fate("lucia").received[..], fate("lucia").held),
            (&["Lo de siempre, Lucía".to_owned()][..], 0),
            "{text}"
        );
        assert_eq!((fate("ben").received.len(), fate("ben").held), (1, 1), "{text}");
        assert_eq!(
            (fate("noor").received.len(), fate("noor").held_back.get("topic not wanted")),
            (0, Some(&2)),
            "{text}"
        );
        for words in [
            "place closed",
            "  19:00:00  Ben is still at Paper Lantern Books",
            "The Left Hand of Darkness stands on our shelf",
            "opted out of offers",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(!text.contains('\u{1b}'), "no colour where there is no terminal");
    }
}
