//! The figures of campaigns: counted once, in the commit of what they count, and without getting in each other's way.

use super::*;
use crate::model::{Arm, VisitId};
use crate::report::{ArmCounts, DAYS_KEPT, DayCounts, Exposure, Note, What};

/// A visit of a campaign on a day.
fn visit(campaign: &str, day: i32) -> Note {
    Note { campaign: campaign_id(campaign), day, what: What::Assessed { visit: true, held_back: Some("pace") } }
}

async fn count(records: &Records, id: &str, notes: Vec<Note>) -> Result<Revision, CommitError> {
    let (state, revision) = records.load_customer(&customer_id(id)).unwrap().unwrap();
    records.commit_outcomes(&state, revision, Outcomes { notes, ..Outcomes::default() }).await
}

async fn visits(records: &Records, campaign: &str) -> Vec<(i32, u64)> {
    let days = records.counts_of(&campaign_id(campaign)).await.unwrap();
    days.into_iter().map(|(day, counts)| (day, counts.visits)).collect()
}

fn log(records: &Records) -> usize {
    records.store.scan(Table::CountLog, &Scan { limit: usize::MAX, ..Scan::default() }).unwrap().len()
}

#[test]
fn figures_add_up_by_campaign_and_day() {
    check(|records| async move {
        with_triggers(&records, "maya", &[]).await;
        assert_eq!(visits(&records, "latte").await, []);
        count(&records, "maya", vec![visit("latte", 7), visit("latte", 7), visit("bun", -3)]).await.unwrap();
        assert_eq!(log(&records), 1, "one entry a commit");
        assert_eq!(visits(&records, "latte").await, [(7, 2)]);
        assert_eq!(log(&records), 0, "folded");
        count(&records, "maya", vec![visit("latte", -1), visit("latte", 7), visit("latte-2", 7)]).await.unwrap();
        count(&records, "maya", Vec::new()).await.unwrap();
        assert!(!records.fold_counts().await.unwrap());
        assert_eq!(visits(&records, "latte").await, [(-1, 1), (7, 3)]);
        assert_eq!(visits(&records, "bun").await, [(-3, 1)]);
        records.delete_customer(&customer_id("maya")).await.unwrap();
        assert_eq!(visits(&records, "latte").await, [(-1, 1), (7, 3)], "no customer is in them");
    });
}

#[test]
fn a_commit_that_conflicts_counts_nothing() {
    check(|records| async move {
        let (maya, revision) = with_triggers(&records, "maya", &[]).await;
        count(&records, "maya", vec![visit("latte", 7)]).await.unwrap();
        let stale = Outcomes { notes: vec![visit("latte", 7)], ..Outcomes::default() };
        assert!(is_conflict(&records.commit_outcomes(&maya, revision, stale).await));
        assert!(is_conflict(&records.save_and_count(&maya, revision, &[visit("latte", 7)]).await));
        assert_eq!(visits(&records, "latte").await, [(7, 1)]);
    });
}

#[test]
fn customers_count_for_one_campaign_without_conflicts_while_several_fold() {
    check(|records| async move {
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..8 {
            let id = format!("customer-{n}");
            with_triggers(&records, &id, &[]).await;
            let records = records.clone();
            tasks.spawn(async move {
                for _ in 0..25 {
                    // Nobody else changes this customer, so any conflict would be of the figures.
                    count(&records, &id, vec![visit("latte", 7)]).await.unwrap();
                }
            });
        }
        for _ in 0..3 {
            let records = records.clone();
            tasks.spawn(async move {
                for _ in 0..20 {
                    records.fold_counts().await.unwrap();
                    tokio::task::yield_now().await;
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        assert_eq!(visits(&records, "latte").await, [(7, 200)]);
        assert_eq!(log(&records), 0);
    });
}

#[test]
fn a_delivery_counts_once_and_on_the_day_of_its_trigger() {
    check(|records| async move {
        with_triggers(&records, "maya", &[1, 86_400_001]).await;
        for entry in records.outbox(None, 9).unwrap() {
            for _ in 0..2 {
                records.record_delivery(&entry, None, DeliveryState::Delivered, None).await.unwrap();
            }
        }
        let opened = trigger("maya", 1);
        records.save_and_count(&state("noor"), Revision(0), &[]).await.unwrap_err();
        count(&records, "maya", vec![Note::opened(&opened)]).await.unwrap();
        let days = records.counts_of(&campaign_id("latte")).await.unwrap();
        let found: Vec<(i32, u64, u64)> = days
            .iter()
            .map(|(day, counts)| {
                let own = &counts.arms[&Arm::default()];
                (*day, own.delivered, own.opened)
            })
            .collect();
        assert_eq!(found, [(0, 1, 1), (1, 1, 0)]);
        // What ends undelivered counts as exposed where it was decided, and nowhere else.
        with_triggers(&records, "noor", &[1]).await;
        let entry = records.outbox(None, 9).unwrap().remove(0);
        records.record_delivery(&entry, None, DeliveryState::Expired, None).await.unwrap();
        assert_eq!(records.counts_of(&campaign_id("latte")).await.unwrap(), days);
    });
}

#[test]
fn what_is_long_past_goes_and_damage_stays_out_of_the_way() {
    check(|records| async move {
        with_triggers(&records, "maya", &[]).await;
        count(&records, "maya", vec![visit("latte", 0), visit("latte", 1), visit("bun", 0)]).await.unwrap();
        records.fold_counts().await.unwrap();
        count(&records, "maya", vec![visit("latte", DAYS_KEPT + 1)]).await.unwrap();
        assert_eq!(visits(&records, "latte").await, [(1, 1), (DAYS_KEPT + 1, 1)]);
        assert_eq!(visits(&records, "bun").await, [(0, 1)], "as long as nothing new comes");
        let broken = Write::Append { table: Table::CountLog, value: vec![0xff] };
        records.store.commit(vec![broken]).await.unwrap();
        count(&records, "maya", vec![visit("bun", 0)]).await.unwrap();
        assert_eq!(visits(&records, "bun").await, [(0, 2)]);
        assert_eq!(log(&records), 1, "what a newer version may read");
    });
}

#[test]
fn exposures_are_part_of_the_customer_and_of_the_figures() {
    check(|records| async move {
        let (mut maya, revision) = with_triggers(&records, "maya", &[]).await;
        let exposure = Exposure {
            at: ServerTime(5),
            trigger: TriggerId::parse("t", "t").unwrap(),
            campaign: campaign_id("latte"),
            visit: VisitId::parse("v", "v").unwrap(),
            arm: Arm { variant: None, held_out: true },
            converted: false,
        };
        let notes: Vec<Note> = maya.exposures.expose(exposure).into_iter().collect();
        let outcomes = Outcomes { notes, ..Outcomes::default() };
        records.commit_outcomes(&maya, revision, outcomes).await.unwrap();
        assert_eq!(records.load_customer(&maya.customer.id).unwrap().unwrap().0, maya);
        let counts = ArmCounts { exposed: 1, customers: 1, exposed_squares: 1, ..ArmCounts::default() };
        let arms = [(Arm { variant: None, held_out: true }, counts)].into();
        let day = DayCounts { arms, ..DayCounts::default() };
        assert_eq!(records.counts_of(&campaign_id("latte")).await.unwrap(), [(0, day)].into());
        assert!(records.outbox(None, 9).unwrap().is_empty(), "a ghost is nothing to deliver");
        assert!(records.read_log(None, 9).unwrap().triggers.is_empty());
    });
}
