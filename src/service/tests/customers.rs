//! Customers and devices.

use super::*;

#[tokio::test]
async fn withdrawing_consent_erases_what_was_derived_from_positions() {
    let bench = bench().await;
    let Bench { customers, records, .. } = &bench;
    record(&bench, 1).await;
    let maya = CustomerId::parse("", "maya").unwrap();
    let (mut state, revision) = records.load_customer(&maya).unwrap().unwrap();
    state.devices.values_mut().for_each(|own| own.presence.latest = Some(DeviceTime(NOW.0)));
    records.save_customer(&state, revision).await.unwrap();
    let get = |name: &str| customers.get_customer(Request::new(v1::GetCustomerRequest { name: name.into() }));
    let consent = ok(get("customers/maya").await).customer.unwrap().location_consent.unwrap();
    assert_eq!(consent.answer_time, Some(NOW.into()), "an answer without a time was given now");

    let withdrawn = v1::Customer {
        name: "customers/maya".into(),
        location_consent: Some(v1::LocationConsent::default()),
        ..v1::Customer::default()
    };
    let request = v1::UpdateCustomerRequest {
        customer: Some(withdrawn),
        update_mask: mask(&["location_consent.granted"]),
        allow_missing: false,
    };
    let trace = || v1::StartTraceRequest { device: phone(1).name, duration: None };
    ok(bench.decisions.start_trace(Request::new(trace())).await);
    let entries = || {
        let request = v1::ListTraceEntriesRequest { parent: phone(1).name, page: None };
        bench.decisions.list_trace_entries(Request::new(request))
    };
    assert_eq!(decisions_of(&bench, "customers/maya").await.len(), 1);
    assert_eq!(ok(entries().await).entries.len(), 1);
    bench.hot.slot(&maya);
    ok(customers.update_customer(Request::new(request)).await);
    assert_eq!(bench.hot.len(), 0);
    assert!(records.read_log(None, 9).unwrap().next.is_none(), "the triggers and their log");
    assert!(records.outbox(None, 9).unwrap().is_empty(), "and what was pending");
    assert!(ok(entries().await).entries.is_empty());
    let (state, _) = records.load_customer(&maya).unwrap().unwrap();
    assert!(!state.customer.consents(NOW) && !state.customer.topics.is_empty());
    assert!(state.devices.values().all(|own| own.presence == DevicePresence::default() && own.trace_until.is_none()));
    assert!(decisions_of(&bench, "customers/maya").await.is_empty());

    let delete =
        || customers.delete_customer(Request::new(v1::DeleteCustomerRequest { name: "customers/maya".into() }));
    bench.hot.slot(&maya);
    ok(delete().await);
    assert_eq!(bench.hot.len(), 0);
    refused(delete().await, Code::NotFound);
    refused(get("customers/maya").await, Code::NotFound);
}

#[tokio::test]
async fn a_customer_has_so_many_devices() {
    let Bench { customers, .. } = bench().await;
    let create = |device| customers.create_device(Request::new(v1::CreateDeviceRequest { device: Some(device) }));
    for n in 2..=16 {
        ok(create(phone(n)).await);
    }
    refused(create(phone(17)).await, Code::FailedPrecondition);
    refused(create(phone(1)).await, Code::AlreadyExists);
    invalid(create(v1::Device { platform: 0, ..phone(18) }).await, "device.platform");
    refused(create(v1::Device { name: "customers/noah/devices/p".into(), ..phone(1) }).await, Code::NotFound);

    let list = |token: &str| {
        let page = Some(v1::Page { size: 10, token: token.into() });
        customers.list_devices(Request::new(v1::ListDevicesRequest { parent: "customers/maya".into(), page }))
    };
    let first = ok(list("").await);
    let second = ok(list(&first.next_page_token).await);
    assert_eq!((first.devices.len(), second.devices.len(), second.next_page_token.as_str()), (10, 6, ""));

    let moved = v1::Device { time_zone: "Europe/Berlin".into(), ..phone(1) };
    let request = v1::UpdateDeviceRequest { device: Some(moved), update_mask: None, allow_missing: false };
    assert_eq!(ok(customers.update_device(Request::new(request)).await).device.unwrap().time_zone, "Europe/Berlin");
    let name = || phone(1).name;
    ok(customers.delete_device(Request::new(v1::DeleteDeviceRequest { name: name() })).await);
    refused(customers.get_device(Request::new(v1::GetDeviceRequest { name: name() })).await, Code::NotFound);
}

#[tokio::test]
async fn a_deleted_device_takes_its_traces_along() {
    let bench = bench().await;
    let Bench { customers, records, hot, .. } = &bench;
    record(&bench, 1).await;
    let (maya, device) = (CustomerId::parse("", "maya").unwrap(), DeviceId::parse("", "phone-1").unwrap());
    let traces = || records.list_traces(&maya, &device, None, 9).unwrap().items.len();
    assert_eq!(traces(), 1);
    hot.slot(&maya);
    ok(customers.delete_device(Request::new(v1::DeleteDeviceRequest { name: phone(1).name })).await);
    assert_eq!((traces(), hot.len()), (0, 0));
    assert_eq!(decisions_of(&bench, "customers/maya").await.len(), 1);
}

#[tokio::test]
async fn an_erasure_that_was_cut_off_ends_before_consent_comes_anew() {
    let bench = bench().await;
    let Bench { customers, records, .. } = &bench;
    record(&bench, 1).await;
    let maya = CustomerId::parse("", "maya").unwrap();
    let (mut state, revision) = records.load_customer(&maya).unwrap().unwrap();
    state.customer.consent = None;
    records.save_and_note(&state, revision, &[Erasure::History]).await.unwrap();
    ok(customers.update_customer(Request::new(answer(true, None))).await);
    assert!(decisions_of(&bench, "customers/maya").await.is_empty());
    record(&bench, 2).await;
    records.finish_erasures().await.unwrap();
    assert_eq!(decisions_of(&bench, "customers/maya").await.len(), 1, "what came later stays");
}

/// Maya's answer about consent, given at a moment.
fn answer(granted: bool, at: Option<ServerTime>) -> v1::UpdateCustomerRequest {
    let consent = v1::LocationConsent { granted, answer_time: at.map(Into::into), ..v1::LocationConsent::default() };
    let customer =
        v1::Customer { name: "customers/maya".into(), location_consent: Some(consent), ..v1::Customer::default() };
    let update_mask = mask(&["location_consent"]);
    v1::UpdateCustomerRequest { customer: Some(customer), update_mask, allow_missing: false }
}

#[tokio::test]
async fn an_old_grant_does_not_beat_a_later_withdrawal() {
    let Bench { customers, records, .. } = bench().await;
    let (maya, minute) = (CustomerId::parse("", "maya").unwrap(), Millis::from_mins(1));
    for (granted, at, consents) in [
        (false, Some(NOW + minute), false),
        (true, Some(NOW), false),
        (true, Some(NOW + minute + minute), true),
        (false, Some(NOW), false),
        (true, None, true),
    ] {
        ok(customers.update_customer(Request::new(answer(granted, at))).await);
        let (state, _) = records.load_customer(&maya).unwrap().unwrap();
        assert_eq!(state.customer.consents(NOW), consents, "{granted} at {at:?}");
    }
}

#[tokio::test]
async fn a_mask_of_topics_creates_a_customer_whole_and_leaves_consent_alone_later() {
    let Bench { customers, records, .. } = bench().await;
    let apply = |topic: &str| {
        let consent = Some(v1::LocationConsent { granted: true, ..v1::LocationConsent::default() });
        let (name, topics) = ("customers/noah".into(), vec![topic.into()]);
        let customer = Some(v1::Customer { name, location_consent: consent, topics, ..Default::default() });
        let update_mask = mask(&["topics"]);
        customers.update_customer(Request::new(v1::UpdateCustomerRequest {
            customer,
            update_mask,
            allow_missing: true,
        }))
    };
    let noah = || records.load_customer(&CustomerId::parse("", "noah").unwrap()).unwrap().unwrap();
    ok(apply("offers").await);
    assert!(noah().0.customer.consents(NOW));
    let (mut state, revision) = noah();
    state.customer.consent = None;
    records.save_customer(&state, revision).await.unwrap();
    ok(apply("news").await);
    let customer = noah().0.customer;
    let news = TopicId::parse("", "news").unwrap();
    assert!(!customer.consents(NOW) && customer.wants(&news, TopicDefault::OptIn, Channel::Push));
}

#[tokio::test]
async fn an_address_that_is_sent_again_is_registered_again() {
    let bench = bench().await;
    let update = |address: &str, paths: &[&str]| {
        let device = v1::Device { push_address: address.into(), locale: "nl".into(), ..phone(1) };
        let request =
            v1::UpdateDeviceRequest { device: Some(device), update_mask: mask(paths), allow_missing: false };
        bench.customers.update_device(Request::new(request))
    };
    let addressed = || {
        let (mut state, revision) =
            bench.records.load_customer(&CustomerId::parse("", "maya").unwrap()).unwrap().unwrap();
        let own = state.devices.values_mut().next().unwrap();
        let found = (own.device.push_address.clone(), own.addressed.take());
        let records = bench.records.clone();
        async move {
            records.save_customer(&state, revision).await.unwrap();
            found
        }
    };
    addressed().await;
    for (address, paths, expected) in [
        ("a1", &["push_address"][..], ("a1", Some(NOW))),
        ("a1", &["push_address"], ("a1", Some(NOW))),
        ("", &["locale"], ("a1", None)),
        ("a2", &["locale"], ("a1", None)),
        ("", &["push_address"], ("", None)),
    ] {
        ok(update(address, paths).await);
        assert_eq!(addressed().await, (expected.0.to_owned(), expected.1), "{address:?} {paths:?}");
    }
}
