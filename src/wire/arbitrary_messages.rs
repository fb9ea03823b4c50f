//! Generated messages and triggers, for the tests that send them out and back.

use super::arbitrary::{
    campaign_id, customer_id, decision_id, device_id, name, place_id, server_time, transition, trigger_id,
};
use super::trigger::Told;
use crate::model::*;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;

pub(crate) fn message() -> impl Strategy<Value = Message> {
    let link = "[a-z][a-z+.-]{0,5}://[a-z0-9/?=&]{1,20}(%[0-9a-f]{2})?";
    let data = || btree_map("\\PC{1,9}", "\\PC{0,9}", 0..4);
    let image = "https://[a-z]{1,5}/[a-z]{0,5}";
    let buttons = || {
        btree_map("[a-z]{1,3}", (name(), of(link)), 0..=3).prop_map(|all| {
            let button = |(id, (title, deep_link)): (String, _)| Button {
                id: ButtonId::parse("", &id).unwrap(),
                title,
                deep_link,
            };
            all.into_iter().map(button).collect::<Vec<_>>()
        })
    };
    let tag = |tag: &str| Locale::parse("", tag).unwrap();
    let own = of(Just(tag("en-GB")));
    let translation =
        (prop_oneof![Just(tag("es")), Just(tag("es-MX"))], name(), name(), of(link), data(), of(image), buttons())
            .prop_map(|(locale, title, body, deep_link, data, image, buttons)| Translation {
                locale,
                title,
                body,
                deep_link,
                data,
                image,
                buttons,
            });
    // A fallback is no template.
    let plain = || name().prop_map(|text| text.replace('{', "("));
    let fallback =
        (plain(), plain(), of(link)).prop_map(|(title, body, deep_link)| Fallback { title, body, deep_link });
    let texts = (name(), name(), of(link), data(), of(image), buttons());
    (texts, own, vec(translation, 0..2), of(fallback)).prop_map(
        |((title, body, deep_link, data, image, buttons), locale, translations, fallback)| Message {
            title,
            body,
            deep_link,
            data,
            image,
            buttons,
            locale,
            translations,
            fallback,
        },
    )
}

pub(crate) fn channels() -> impl Strategy<Value = Vec<Channel>> {
    let (push, in_app) = (Channel::Push, Channel::InApp);
    prop_oneof![Just(vec![push]), Just(vec![in_app]), Just(vec![push, in_app]), Just(vec![in_app, push])]
}

pub(crate) fn trigger() -> impl Strategy<Value = (Trigger, Told)> {
    let state = prop_oneof![
        Just(DeliveryState::Pending),
        Just(DeliveryState::Delivered),
        Just(DeliveryState::Expired),
        Just(DeliveryState::Refused),
    ];
    let attempt = (server_time(), "[a-z]{1,9}", any::<bool>(), "\\PC{0,20}", 0..100_000_i64).prop_map(
        |(at, provider, accepted, detail, latency)| DeliveryAttempt {
            at,
            provider,
            accepted,
            detail,
            latency: Millis(latency),
        },
    );
    let ids = (trigger_id(), customer_id(), device_id(), campaign_id(), place_id(), decision_id());
    let what = (message(), of("\\PC{1,9}"), channels(), super::arbitrary_report::variant());
    let trigger = (ids, transition(), what, server_time(), server_time()).prop_map(
        |(
            (id, customer, device, campaign, place, decision),
            transition,
            (message, fell_back, channels, variant),
            created,
            expires,
        )| Trigger {
            id,
            customer,
            device,
            campaign,
            place,
            decision,
            transition,
            message,
            variant,
            fell_back,
            channels,
            created,
            expires,
        },
    );
    let button = of("[a-z]{1,9}").prop_map(|id| id.map(|id| ButtonId::parse("", &id).unwrap()));
    let receipts = (of(server_time()), of(server_time()), button).prop_map(|(received, opened, button)| Receipts {
        received,
        opened,
        button,
    });
    let told = (state, vec(attempt, 0..3), receipts, of(server_time()))
        .prop_map(|(state, attempts, receipts, offered)| Told { state, attempts, receipts, offered });
    (trigger, told)
}
