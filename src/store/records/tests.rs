//! The records on both stores: what goes in comes out, whole, in order, and leaves no trace when deleted.

use super::*;
use crate::engine::{CustomerState, DeviceState};
use crate::model::*;
use crate::qualify::Sent;
use crate::store::{CommitError, MemoryStore, SledStore};
use std::collections::BTreeSet;

mod counts;
mod erasures;
mod outcomes;
mod silence;

/// Runs a test on each kind of store.
fn check<F: Future<Output = ()>>(test: impl Fn(Records) -> F) {
    let dir = tempfile::tempdir().unwrap();
    let stores: [Arc<dyn Store>; 2] = [Arc::new(MemoryStore::new()), Arc::new(SledStore::open(dir.path()).unwrap())];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for store in stores {
        runtime.block_on(test(Records::new(store)));
    }
}

fn customer_id(id: &str) -> CustomerId {
    CustomerId::parse("customer", id).unwrap()
}

fn phone() -> DeviceId {
    DeviceId::parse("device", "phone").unwrap()
}

fn region_id(id: &str) -> RegionId {
    RegionId::parse("region", id).unwrap()
}

fn campaign_id(id: &str) -> CampaignId {
    CampaignId::parse("campaign", id).unwrap()
}

fn place_id(id: &str) -> PlaceId {
    PlaceId::parse("place", id).unwrap()
}

fn state(id: &str) -> CustomerState {
    let mut state = CustomerState::new(Customer::new(customer_id(id)));
    let device = Device {
        id: phone(),
        platform: Platform::Android,
        push_address: "address".to_owned(),
        locale: "en".to_owned(),
        time_zone: None,
        app_version: None,
    };
    state.devices.insert(phone(), DeviceState::new(device));
    state
}

fn transition(region: &str, n: i64) -> Transition {
    let region = region_id(region);
    let visit = VisitId::derive(&phone(), &region, DeviceTime(n));
    Transition {
        kind: TransitionKind::Enter,
        region,
        visit,
        visit_start: DeviceTime(n),
        happened: DeviceTime(n),
        decided: DeviceTime(n),
        belated: false,
    }
}

fn trigger(customer: &str, n: i64) -> Trigger {
    let (customer, campaign, transition) = (customer_id(customer), campaign_id("latte"), transition("door", n));
    Trigger {
        id: TriggerId::derive(&customer, &campaign, &transition.region, &transition.visit),
        customer,
        device: phone(),
        campaign,
        place: place_id("cafe"),
        decision: decision("x", n, "door", "latte", true).id,
        transition,
        message: Message { title: "Latte".to_owned(), body: "One free".to_owned(), ..Message::default() },
        variant: None,
        fell_back: None,
        channels: vec![Channel::Push],
        created: ServerTime(n),
        expires: ServerTime(n + 900_000),
    }
}

fn decision(customer: &str, n: i64, region: &str, campaign: &str, qualified: bool) -> Decision {
    let trigger = TriggerId::parse("trigger", "t").unwrap();
    let assessment = Assessment {
        campaign: campaign_id(campaign),
        region: region_id(region),
        transition: TransitionKind::Enter,
        policies: Vec::new().into(),
        verdict: if qualified { Verdict::Qualified(trigger) } else { Verdict::Suppressed(Reason::NoConsent) },
    };
    let sequence = Sequence(n.unsigned_abs() + 1);
    Decision {
        id: DecisionId::derive(ServerTime(n), sequence, &phone()),
        customer: customer_id(customer),
        device: phone(),
        sequence,
        observed: DeviceTime(n),
        decided: ServerTime(n),
        fix: None,
        regions: Vec::new(),
        transitions: vec![transition(region, n)],
        assessments: vec![assessment],
        left_out: 0,
    }
}

fn trace(customer: &str, n: i64) -> TraceEntry {
    let position = Position::new(39.7, -104.9).ok();
    TraceEntry {
        decision: decision(customer, n, "door", "latte", false),
        fix: position,
        track: position,
        sightings: 2,
    }
}

fn sent(trigger: &Trigger) -> Sent {
    Sent {
        at: trigger.created,
        trigger: trigger.id.clone(),
        campaign: trigger.campaign.clone(),
        topic: TopicId::parse("topic", "offers").unwrap(),
        region: trigger.transition.region.clone(),
        place: trigger.place.clone(),
        brand: BrandId::parse("brand", "roost").unwrap(),
        visit: trigger.transition.visit.clone(),
        pace: None,
        transactional: false,
    }
}

/// Adds a customer, with decisions and traces at these times, and triggers at the first hundred of them, reserved in
/// the ledger.
async fn with_triggers(records: &Records, id: &str, times: &[i64]) -> (CustomerState, Revision) {
    let mut state = state(id);
    let created = records.create_customer(&state).await.unwrap();
    let triggers: Vec<_> = times.iter().take(100).map(|&n| trigger(id, n)).collect();
    state.ledger.sends = triggers.iter().map(sent).collect();
    let outcomes = Outcomes {
        decisions: times.iter().map(|&n| decision(id, n, "door", "latte", true)).collect(),
        triggers,
        traces: times.iter().map(|&n| trace(id, n)).collect(),
        timer: crate::store::Timer::Set(ServerTime(1)),
        notes: Vec::new(),
    };
    let revision = records.commit_outcomes(&state, created, outcomes).await.unwrap();
    (state, revision)
}

/// All that is stored, but for the figures of campaigns, which name no customer.
fn content(records: &Records) -> Vec<(Table, Entry)> {
    let scan = Scan { limit: usize::MAX, ..Scan::default() };
    let entries = |table| records.store.scan(table, &scan).unwrap().into_iter().map(move |entry| (table, entry));
    let figures = |table: &Table| [Table::CountLog, Table::Counts].contains(table);
    Table::ALL.into_iter().filter(|table| !figures(table)).flat_map(entries).collect()
}

fn is_conflict<T>(outcome: &Result<T, CommitError>) -> bool {
    matches!(outcome, Err(CommitError::Conflict { .. }))
}

#[test]
fn the_catalogue_is_changed_as_a_whole() {
    check(|records| async move {
        assert_eq!(records.load_catalogue().unwrap(), StoredCatalogue::default());
        let place = Place {
            id: place_id("cafe"),
            display_name: "Cafe".to_owned(),
            brand: BrandId::parse("brand", "roost").unwrap(),
            time_zone: "America/Denver".to_owned(),
            opening_hours: None,
            tags: Vec::new(),
        };
        let circle = Circle::new(Position::new(39.7, -104.9).unwrap(), Metres(50.0)).unwrap();
        let region = |n: usize| Region {
            id: region_id(&format!("r{n:05}")),
            place: place.id.clone(),
            display_name: format!("Door {n}"),
            extent: Extent::Fence(Fence::Circle(circle)),
            dwell: Millis::from_mins(5),
            tags: Vec::new(),
        };
        let changes = |expect| {
            let regions = (0..2_500).map(|n| CatalogueChange::PutRegion(region(n), expect));
            regions.chain([CatalogueChange::PutPlace(place.clone(), Expect::Absent)]).collect::<Vec<_>>()
        };
        records.commit_catalogue(changes(Expect::Any)).await.unwrap();
        let loaded = records.load_catalogue().unwrap();
        assert_eq!(loaded.places, std::slice::from_ref(&place));
        assert_eq!(loaded.regions, (0..2_500).map(region).collect::<Vec<_>>());

        let before = content(&records);
        assert!(is_conflict(&records.commit_catalogue(changes(Expect::Any)).await), "the place exists");
        assert_eq!(content(&records), before);
        let delete = (1..2_500).map(|n| CatalogueChange::DeleteRegion(region(n).id, Expect::Any)).collect();
        records.commit_catalogue(delete).await.unwrap();
        assert_eq!(records.load_catalogue().unwrap().regions, [region(0)]);
    });
}

#[test]
fn a_customer_is_saved_only_over_what_was_read() {
    check(|records| async move {
        let mut maya = state("maya");
        assert_eq!(records.load_customer(&maya.customer.id).unwrap(), None);
        let first = records.create_customer(&maya).await.unwrap();
        assert!(is_conflict(&records.create_customer(&maya).await));
        maya.customer.topics.opt_in(TopicId::parse("topic", "offers").unwrap());
        let second = records.save_customer(&maya, first).await.unwrap();
        assert!(is_conflict(&records.save_customer(&state("maya"), first).await));
        assert_eq!(records.load_customer(&maya.customer.id).unwrap(), Some((maya, second)));
        assert!(is_conflict(&records.save_customer(&state("noor"), second).await), "there is no noor");
    });
}

#[test]
fn lists_go_on_where_they_stopped() {
    check(|records| async move {
        let ids = ["a", "a.b", "ab", "b", "c"];
        for id in ids {
            records.create_customer(&state(id)).await.unwrap();
        }
        for limit in 1..7 {
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let page = records.list_customers(after.as_ref(), limit).unwrap();
                assert!(page.items.len() <= limit);
                listed.extend(page.items.into_iter().map(|state| state.customer.id.to_string()));
                let Some(next) = page.next else { break };
                after = Some(Cursor::parse("token", &next.to_string()).unwrap());
            }
            assert_eq!(listed, ids, "{limit} at a time");
        }
    });
}

#[test]
fn decisions_are_found_by_every_filter() {
    check(|records| async move {
        let mut all = Vec::new();
        for (id, step) in [("maya", 7), ("noor", 5)] {
            let created = records.create_customer(&state(id)).await.unwrap();
            let of = |n: i64| {
                decision(
                    id,
                    n * step,
                    if n % 2 == 0 { "door" } else { "gate" },
                    if n % 3 == 1 { "tea" } else { "latte" },
                    n % 5 == 0,
                )
            };
            let decisions: Vec<_> = (0..700).map(of).collect();
            all.extend(decisions.clone());
            records
                .commit_outcomes(&state(id), created, Outcomes { decisions, ..Outcomes::default() })
                .await
                .unwrap();
        }
        let any = DecisionFilter::default;
        for filter in [
            any(),
            DecisionFilter { campaign: Some(campaign_id("latte")), ..any() },
            DecisionFilter { region: Some(region_id("gate")), verdict: Some(VerdictKind::Suppressed), ..any() },
            DecisionFilter { verdict: Some(VerdictKind::Qualified), ..any() },
            DecisionFilter { start: Some(ServerTime(700)), end: Some(ServerTime(1_400)), ..any() },
            DecisionFilter { campaign: Some(campaign_id("cocoa")), ..any() },
            DecisionFilter { end: Some(ServerTime(0)), ..any() },
        ] {
            for customer in [None, Some("maya"), Some("noor"), Some("nobody")] {
                let filter = DecisionFilter { customer: customer.map(customer_id), ..filter.clone() };
                let wanted = |decision: &&Decision| {
                    let (assessment, region) = (&decision.assessments[0], &decision.transitions[0].region);
                    filter.campaign.as_ref().is_none_or(|campaign| assessment.campaign == *campaign)
                        && filter.region.as_ref().is_none_or(|wanted| region == wanted)
                        && filter.verdict.is_none_or(|wanted| assessment.verdict.kind() == wanted)
                        && filter.customer.as_ref().is_none_or(|customer| decision.customer == *customer)
                        && filter.start.is_none_or(|start| decision.decided >= start)
                        && filter.end.is_none_or(|end| decision.decided < end)
                };
                let mut expected: Vec<_> = all.iter().filter(wanted).cloned().collect();
                expected.sort_by(|a, b| (b.decided, &b.customer).cmp(&(a.decided, &a.customer)));
                for limit in [30, PAGE_MAX] {
                    assert_eq!(list(&records, &filter, limit), expected, "{filter:?}");
                }
            }
        }
        let one = &all[3];
        assert_eq!(records.get_decision(&one.customer, &one.id).unwrap().as_ref(), Some(one));
        assert_eq!(records.get_decision(&customer_id("nobody"), &one.id).unwrap(), None);
    });
}

fn list(records: &Records, filter: &DecisionFilter, limit: usize) -> Vec<Decision> {
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = records.list_decisions(filter, after.as_ref(), limit).unwrap();
        assert!(page.items.len() <= limit);
        listed.extend(page.items);
        after = page.next;
        if after.is_none() {
            return listed;
        }
    }
}

#[test]
fn pages_end_early_when_they_are_large() {
    check(|records| async move {
        let large = |n: i64| {
            let mut decision = decision("maya", n, "door", "latte", false);
            decision.assessments = vec![decision.assessments[0].clone(); 200];
            decision
        };
        let decisions: Vec<_> = (0..600).map(large).collect();
        let traces = decisions.iter().map(|own| TraceEntry { decision: own.clone(), ..trace("maya", 0) });
        let traces: Vec<_> = traces.collect();
        let total: usize = decisions.iter().map(|decision| decision.encode().len()).sum();
        assert!(total > 2 * PAGE_BYTES, "{total} bytes");
        let created = records.create_customer(&state("maya")).await.unwrap();
        let outcomes = Outcomes { decisions: decisions.clone(), traces: traces.clone(), ..Outcomes::default() };
        records.commit_outcomes(&state("maya"), created, outcomes).await.unwrap();
        let fits = |sizes: &[usize]| {
            let (last, rest) = sizes.split_last().unwrap();
            assert!(rest.iter().sum::<usize>() < PAGE_BYTES && *last < PAGE_BYTES);
        };
        for customer in [None, Some(customer_id("maya"))] {
            let (mut listed, mut after) = (Vec::new(), None);
            let filter = DecisionFilter { customer, ..DecisionFilter::default() };
            loop {
                let page = records.list_decisions(&filter, after.as_ref(), PAGE_MAX).unwrap();
                fits(&page.items.iter().map(|decision| decision.encode().len()).collect::<Vec<_>>());
                listed.extend(page.items);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            listed.reverse();
            assert!(listed == decisions);
        }
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = records.list_traces(&customer_id("maya"), &phone(), after.as_ref(), PAGE_MAX).unwrap();
            fits(&page.items.iter().map(|entry| entry.encode().len()).collect::<Vec<_>>());
            listed.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert!(listed == traces);
    });
}

#[test]
fn damage_is_named() {
    check(|records| async move {
        let (maya, _) = with_triggers(&records, "maya", &[1]).await;
        for (table, entry) in content(&records) {
            if table != Table::DecisionsByTime {
                let write = Write::Put { table, key: entry.key, value: b"\x0a\xff".to_vec(), expect: Expect::Any };
                records.store.commit(vec![write]).await.unwrap();
            }
        }
        let id = &maya.customer.id;
        let named = |error: StoreError| assert!(error.to_string().contains(" is damaged: "), "{error}");
        named(records.load_customer(id).unwrap_err());
        named(records.list_customers(None, 9).unwrap_err());
        named(records.list_decisions(&DecisionFilter::default(), None, 9).unwrap_err());
        named(records.list_triggers(id, None, 9).unwrap_err());
        named(records.read_log(None, 9).unwrap_err());
        named(records.outbox(None, 9).unwrap_err());
        named(records.list_traces(id, &phone(), None, 9).unwrap_err());
        assert!(records.delete_customer(id).await.unwrap(), "damage keeps nobody from being deleted");
        assert!(records.list_decisions(&DecisionFilter::default(), None, 9).unwrap().items.is_empty());
    });
}
