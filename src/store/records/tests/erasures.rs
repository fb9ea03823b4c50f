//! Nothing is left of who or what was deleted, whenever the process ends.

use super::*;

#[test]
fn a_deleted_customer_leaves_nothing() {
    check(|records| async move {
        for id in ["ma", "maya.k", "noor"] {
            with_triggers(&records, id, &[1, 2]).await;
        }
        let others = content(&records);
        let times: Vec<i64> = (10..1_200).collect();
        let (maya, _) = with_triggers(&records, "maya", &times).await;
        let entry = records.outbox(None, 1_000).unwrap().into_iter().find(|entry| entry.customer == maya.customer.id);
        records.record_delivery(&entry.unwrap(), None, DeliveryState::Pending, Some(ServerTime(5))).await.unwrap();
        assert!(records.delete_customer(&maya.customer.id).await.unwrap());
        assert_eq!(content(&records), others);
        assert!(!records.delete_customer(&maya.customer.id).await.unwrap());
    });
}

#[test]
fn a_deletion_that_was_cut_off_is_finished() {
    check(|records| async move {
        let (maya, revision) = with_triggers(&records, "maya", &[1, 2, 3]).await;
        let id = &maya.customer.id;
        let cut_off = vec![
            Write::Delete { table: Table::Customers, key: b"maya".to_vec(), expect: Expect::Revision(revision) },
            Write::Put {
                table: Table::Meta,
                key: Erasure::Customer.note(id),
                value: Vec::new(),
                expect: Expect::Any,
            },
        ];
        records.store.commit(cut_off).await.unwrap();
        assert!(is_conflict(&records.create_customer(&maya).await), "it is still being deleted");
        let entry = records.outbox(None, 1).unwrap().remove(0);
        assert_eq!(records.claim(&entry, ServerTime(5)).unwrap(), None, "nothing more is delivered");
        records.finish_erasures().await.unwrap();
        assert!(content(&records).is_empty());
        records.create_customer(&maya).await.unwrap();
    });
}

#[test]
fn a_withdrawal_that_was_cut_off_is_finished_and_leaves_the_ledger() {
    check(|records| async move {
        with_triggers(&records, "noor", &[1, 2]).await;
        let others = content(&records);
        let times: Vec<i64> = (10..1_200).collect();
        let (maya, revision) = with_triggers(&records, "maya", &times).await;
        let id = &maya.customer.id;
        records.save_and_note(&maya, revision, &[Erasure::History]).await.unwrap();
        let entry = records.outbox(None, 1_000).unwrap().into_iter().find(|entry| entry.customer == *id).unwrap();
        let claim = records.claim(&entry, ServerTime(5)).unwrap().unwrap();
        assert_eq!(claim.silenced, Some("consent withdrawn"), "nothing more is delivered");
        records.finish_erasures().await.unwrap();
        records.record_delivery(&entry, None, DeliveryState::Delivered, None).await.unwrap();
        let (left, _) = records.load_customer(id).unwrap().unwrap();
        assert_eq!(left, maya, "what was sent still counts");
        let rest = |(table, entry): &(Table, Entry)| *table != Table::Customers || entry.key != b"maya";
        assert_eq!(content(&records).into_iter().filter(rest).collect::<Vec<_>>(), others);

        let again = Outcomes { decisions: vec![decision("maya", 5, "door", "latte", true)], ..Outcomes::default() };
        let revision = records.load_customer(id).unwrap().unwrap().1;
        records.commit_outcomes(&maya, revision, again).await.unwrap();
        records.erase(id, &Erasure::History).await.unwrap();
        assert_eq!(list(&records, &DecisionFilter::default(), 9).len(), 3, "without a note nothing is erased");
    });
}

#[test]
fn the_traces_of_a_deleted_device_go_and_those_of_others_stay() {
    check(|records| async move {
        let (maya, revision) = with_triggers(&records, "maya", &[1, 2]).await;
        with_triggers(&records, "noor", &[1]).await;
        let id = &maya.customer.id;
        let none = Erasure::Device(DeviceId::parse("device", "pho").unwrap());
        records.save_and_note(&maya, revision, &[none, Erasure::Device(phone())]).await.unwrap();
        records.finish_erasures().await.unwrap();
        assert!(records.list_traces(id, &phone(), None, 9).unwrap().items.is_empty());
        assert_eq!(records.list_traces(&customer_id("noor"), &phone(), None, 9).unwrap().items.len(), 1);
        assert_eq!(list(&records, &DecisionFilter::default(), 9).len(), 3);
        assert!(!content(&records).iter().any(|(table, _)| *table == Table::Meta), "no note is left");
    });
}
