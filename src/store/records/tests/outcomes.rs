//! What follows from a decision: triggers, the log, the outbox, traces.

use super::*;

fn logged(records: &Records, after: &mut Option<LogCursor>, limit: usize) -> Vec<TriggerId> {
    let page = records.read_log(after.as_ref(), limit).unwrap();
    assert_eq!(page.triggers.last().map(|(_, cursor)| cursor), page.next.as_ref());
    *after = page.next.or(after.take());
    page.triggers.into_iter().map(|(stored, _)| stored.trigger.id).collect()
}

fn attempt(n: i64, accepted: bool) -> DeliveryAttempt {
    let (provider, detail) = ("log".to_owned(), format!("attempt {n}"));
    DeliveryAttempt { at: ServerTime(n), provider, accepted, detail, latency: Millis(3) }
}

#[test]
fn outcomes_are_one_commit() {
    check(|records| async move {
        let (maya, revision) = with_triggers(&records, "maya", &[1, 2]).await;
        let id = &maya.customer.id;
        assert!(content(&records).iter().all(|(_, entry)| entry.revision == revision));
        assert_eq!(records.load_customer(id).unwrap(), Some((maya.clone(), revision)));
        let stored = records.get_trigger(id, &trigger("maya", 1).id).unwrap().unwrap();
        assert_eq!(
            (stored.trigger, stored.state, stored.attempts_made),
            (trigger("maya", 1), DeliveryState::Pending, 0)
        );
        assert_eq!(records.list_triggers(id, None, 9).unwrap().items.len(), 2);
        assert_eq!(records.list_traces(id, &phone(), None, 9).unwrap().items, [trace("maya", 1), trace("maya", 2)]);
        assert_eq!(list(&records, &DecisionFilter::default(), 9).len(), 2);
        assert_eq!(records.outbox(None, 9).unwrap().len(), 2);

        let before = content(&records);
        let outcomes = Outcomes { triggers: vec![trigger("maya", 3)], ..Outcomes::default() };
        let stale = records.commit_outcomes(&maya, Revision(revision.0 - 1), outcomes).await;
        assert!(is_conflict(&stale));
        assert_eq!(content(&records), before);
    });
}

#[test]
fn the_log_gives_every_trigger_once_while_it_grows() {
    check(|records| async move {
        let writers: Vec<_> = (0..8)
            .map(|n| {
                let records = records.clone();
                tokio::spawn(async move {
                    let id = format!("c{n}");
                    let mut revision = records.create_customer(&state(&id)).await.unwrap();
                    for round in 0..20 {
                        let triggers = vec![trigger(&id, 2 * round), trigger(&id, 2 * round + 1)];
                        let outcomes = Outcomes { triggers, ..Outcomes::default() };
                        revision = records.commit_outcomes(&state(&id), revision, outcomes).await.unwrap();
                    }
                })
            })
            .collect();
        let (mut seen, mut after, mut watch) = (Vec::new(), None, records.watch());
        while seen.len() < 8 * 40 {
            watch.borrow_and_update();
            let read = logged(&records, &mut after, 7);
            if read.is_empty() {
                watch.changed().await.unwrap();
            }
            seen.extend(read);
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert!(logged(&records, &mut after, 7).is_empty());
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 8 * 40);
    });
}

#[test]
fn the_outbox_gives_what_is_due_in_order() {
    check(|records| async move {
        with_triggers(&records, "maya", &[1, 2, 3]).await;
        let all = records.outbox(None, 9).unwrap();
        assert_eq!(records.outbox(Some(&all[0].key), 1).unwrap(), all[1..2]);
        records
            .record_delivery(&all[0], Some(attempt(1, false)), DeliveryState::Pending, Some(ServerTime(50)))
            .await
            .unwrap();
        let first = &records.outbox(None, 1).unwrap()[0];
        assert_eq!((first.attempts_made, first.next_attempt), (1, Some(ServerTime(50))));
        let claim = records.claim(first, ServerTime(5)).unwrap().unwrap();
        assert_eq!((claim.trigger, claim.attempts_made), (trigger("maya", 1), 1));
        assert_eq!(claim.device.unwrap().id, phone());
    });
}

#[test]
fn a_delivery_ends_in_one_commit_and_gives_back_what_was_not_used() {
    check(|records| async move {
        let ends = [(DeliveryState::Delivered, 2), (DeliveryState::Expired, 1), (DeliveryState::Refused, 1)];
        for (n, (end, budget)) in ends.into_iter().enumerate() {
            let id = format!("c{n}");
            let (state, _) = with_triggers(&records, &id, &[1, 2]).await;
            let customer = &state.customer.id;
            let entry = records.outbox(None, 9).unwrap().remove(0);
            for n in 1..40 {
                records.record_delivery(&entry, Some(attempt(n, false)), DeliveryState::Pending, None).await.unwrap();
            }
            let last = Some(attempt(40, end == DeliveryState::Delivered));
            records.record_delivery(&entry, last, end, None).await.unwrap();
            let ended = content(&records);
            let stored = records.get_trigger(customer, &entry.trigger).unwrap().unwrap();
            assert_eq!((stored.state, stored.attempts_made, stored.attempts.len()), (end, 40, 16));
            assert_eq!((stored.attempts[14].at, stored.attempts[15].at), (ServerTime(15), ServerTime(40)));
            let left = records.load_customer(customer).unwrap().unwrap().0.ledger.sends;
            assert_eq!(left.len(), budget);
            assert_eq!(left.iter().any(|sent| sent.trigger == entry.trigger), end == DeliveryState::Delivered);
            assert_eq!(records.claim(&entry, ServerTime(5)).unwrap(), None);
            assert_eq!(records.outbox(None, 9).unwrap().len(), 1);

            records.record_delivery(&entry, None, DeliveryState::Refused, None).await.unwrap();
            assert_eq!(content(&records), ended, "an end is final");
            records.delete_customer(customer).await.unwrap();
            assert!(content(&records).is_empty());
        }
    });
}

#[test]
fn the_budget_comes_back_while_the_customer_moves_on() {
    check(|records| async move {
        let times: Vec<i64> = (0..20).collect();
        let (maya, _) = with_triggers(&records, "maya", &times).await;
        let id = maya.customer.id.clone();
        let mover = tokio::spawn({
            let (records, id) = (records.clone(), id.clone());
            async move {
                let mut saved = 0;
                while saved < 20 {
                    let (state, revision) = records.load_customer(&id).unwrap().unwrap();
                    saved += i32::from(records.save_customer(&state, revision).await.is_ok());
                }
            }
        });
        for entry in records.outbox(None, 100).unwrap() {
            records.record_delivery(&entry, None, DeliveryState::Expired, None).await.unwrap();
        }
        mover.await.unwrap();
        assert!(records.load_customer(&id).unwrap().unwrap().0.ledger.sends.is_empty());
        assert!(records.outbox(None, 9).unwrap().is_empty());
    });
}

#[test]
fn the_same_trigger_knocks_once_unless_it_ended_undelivered() {
    check(|records| async move {
        let (maya, mut revision) = with_triggers(&records, "maya", &[1]).await;
        let again = || Outcomes { triggers: vec![trigger("maya", 1)], ..Outcomes::default() };
        for (end, queued) in [(None, 1), (Some(DeliveryState::Expired), 1), (Some(DeliveryState::Delivered), 0)] {
            if let Some(end) = end {
                let entry = records.outbox(None, 9).unwrap().remove(0);
                records.record_delivery(&entry, None, end, None).await.unwrap();
                revision = records.load_customer(&maya.customer.id).unwrap().unwrap().1;
            }
            revision = records.commit_outcomes(&maya, revision, again()).await.unwrap();
            assert_eq!(records.outbox(None, 9).unwrap().len(), queued, "{end:?}");
            assert_eq!(logged(&records, &mut None, 9).len(), 1, "the log has it once");
        }
        records.delete_customer(&maya.customer.id).await.unwrap();
        assert!(content(&records).is_empty());
    });
}

#[test]
fn traces_are_erased_a_day_after_their_end() {
    const DAY: i64 = 86_400_000;
    check(|records| async move {
        for (id, until) in [("ended", Some(1_000)), ("runs", Some(5_000)), ("none", None)] {
            let (mut own, revision) = with_triggers(&records, id, &[1, 2, 3]).await;
            own.devices.get_mut(&phone()).unwrap().trace_until = until.map(ServerTime);
            records.save_customer(&own, revision).await.unwrap();
        }
        let left = |id: &str| records.list_traces(&customer_id(id), &phone(), None, 9).unwrap().items.len();
        assert_eq!((left("ended"), left("runs"), left("none")), (3, 3, 3));
        let purge = async |now| records.purge_traces(ServerTime(now), None).await.unwrap();
        assert_eq!(purge(DAY + 999).await, (3, None));
        assert_eq!((left("ended"), left("runs"), left("none")), (3, 3, 0));
        assert_eq!(purge(DAY + 1_000).await, (3, None));
        assert_eq!((left("ended"), left("runs")), (0, 3));
        let (mut own, revision) = records.load_customer(&customer_id("runs")).unwrap().unwrap();
        own.devices.clear();
        records.save_customer(&own, revision).await.unwrap();
        assert_eq!(purge(0).await, (3, None), "the device is no more");
        assert_eq!(purge(0).await, (0, None));
    });
}

#[test]
fn history_goes_on_request_and_with_age() {
    check(|records| async move {
        let (maya, revision) = with_triggers(&records, "maya", &[1, 2, 3]).await;
        with_triggers(&records, "noor", &[1, 2, 3]).await;
        records.save_and_note(&maya, revision, &[Erasure::History]).await.unwrap();
        records.erase(&maya.customer.id, &Erasure::History).await.unwrap();
        let decisions = || list(&records, &DecisionFilter::default(), 9);
        assert!(decisions().iter().all(|decision| decision.customer == customer_id("noor")));
        assert!(records.list_traces(&maya.customer.id, &phone(), None, 9).unwrap().items.is_empty());
        assert_eq!(records.list_triggers(&maya.customer.id, None, 9).unwrap().items.len(), 0);

        let all = records.read_log(None, 9).unwrap().triggers;
        let place = |n: usize| records.find_in_log(&all[n].1).unwrap();
        let first = records.outbox(None, 1).unwrap().remove(0);
        records.record_delivery(&first, None, DeliveryState::Delivered, None).await.unwrap();
        let second = records.outbox(None, 1).unwrap().remove(0);
        records.record_delivery(&second, None, DeliveryState::Delivered, None).await.unwrap();
        assert_eq!([place(0), place(1)], [LogPlace::Good; 2]);
        while records.purge_history(ServerTime(3)).await.unwrap() > 0 {}
        assert_eq!(decisions(), [decision("noor", 3, "door", "latte", true)]);
        assert_eq!(records.get_trigger(&first.customer, &first.trigger).unwrap(), None);
        assert_eq!(logged(&records, &mut None, 9).len(), 1, "what is pending stays");
        assert_eq!([place(0), place(1), place(2)], [LogPlace::Purged, LogPlace::Good, LogPlace::Good]);
        let ahead = LogCursor::parse("", &format!("t{:016x}{:08x}", records.watch().borrow().0 + 1, 0)).unwrap();
        assert_eq!(records.find_in_log(&ahead).unwrap(), LogPlace::Ahead);
    });
}

#[test]
fn what_was_purged_is_counted_down_to_a_single_orphan() {
    check(|records| async move {
        let purge = async || records.purge_history(ServerTime(3)).await.unwrap();
        with_triggers(&records, "maya", &[1, 2, 3]).await;
        assert_eq!(purge().await, 2, "two decisions; the triggers are pending");
        let key = keys::owned(&customer_id("maya"), trigger("maya", 1).id.as_str());
        records.store.commit(vec![delete(Table::Triggers, key)]).await.unwrap();
        assert_eq!(purge().await, 1, "a pointer to nothing");
        assert_eq!(purge().await, 0);
    });
}
