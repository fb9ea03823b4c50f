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
    ok(customers.update_customer(Request::new(request)).await);
    assert!(ok(entries().await).entries.is_empty());
    let (state, _) = records.load_customer(&maya).unwrap().unwrap();
    assert!(!state.customer.consents() && !state.customer.topics.is_empty());
    assert!(state.devices.values().all(|own| own.presence == DevicePresence::default() && own.trace_until.is_none()));
    assert!(decisions_of(&bench, "customers/maya").await.is_empty());

    let delete =
        || customers.delete_customer(Request::new(v1::DeleteCustomerRequest { name: "customers/maya".into() }));
    ok(delete().await);
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
