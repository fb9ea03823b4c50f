//! What customers want to hear of: `doorstep customers prefer`, `stop`, `resume` and `changes`.

use super::connect::connect;
use super::{customers, output};
use doorstep::model::PreferenceSetting;
use doorstep::wire::v1::{self, customer_service_client::CustomerServiceClient, preference_change::Change};

/// Sets preferences of a customer.
pub(super) async fn set(
    server: &str,
    customer: &str,
    settings: &[PreferenceSetting],
    source: String,
) -> anyhow::Result<v1::Customer> {
    let request = v1::ChangePreferencesRequest {
        name: output::full("customers", customer),
        changes: settings.iter().map(Into::into).collect(),
        source,
        ..Default::default()
    };
    let answer = CustomerServiceClient::new(connect(server).await?).change_preferences(request).await?;
    Ok(answer.into_inner().customer.unwrap_or_default())
}

/// Shows how consent and preferences were changed, the latest first.
pub(super) async fn changes(server: &str, customer: &str, json: bool) -> anyhow::Result<()> {
    let known = customers::get(&mut CustomerServiceClient::new(connect(server).await?), customer).await?;
    let mut latest = known.preference_changes.iter().rev();
    if json {
        return latest.try_for_each(|change| output::json("PreferenceChange", change));
    }
    let row = |change: &v1::PreferenceChange| {
        let at = change.change_time.map(|at| at.to_string()).unwrap_or_default();
        [at, change.change.as_ref().map(told).unwrap_or_default(), change.source.clone()]
    };
    let rows: Vec<[String; 3]> = latest.map(row).collect();
    output::list("changes", ["WHEN", "WHAT", "FROM"], &rows);
    Ok(())
}

fn told(change: &Change) -> String {
    match change {
        Change::Topic(setting) => {
            let channel = match setting.channel() {
                v1::Channel::Unspecified => "",
                v1::Channel::Push => " by push",
                v1::Channel::InApp => " in the app",
            };
            let topic = &setting.topic;
            match setting.choice() {
                v1::Choice::OptIn => format!("opted in to {topic}{channel}"),
                v1::Choice::OptOut => format!("opted out of {topic}{channel}"),
                v1::Choice::Unspecified => format!("no choice about {topic}{channel}"),
            }
        }
        Change::Stopped(true) => "stopped everything".to_owned(),
        Change::Stopped(false) => "resumed".to_owned(),
        Change::LocationConsent(consent) => {
            let purpose = if consent.purpose.is_empty() { "" } else { ": " };
            let until = consent.expire_time.map(|at| format!(" until {at}")).unwrap_or_default();
            let answer = if consent.granted { "consent granted" } else { "consent refused or withdrawn" };
            format!("{answer}{until}{purpose}{}", consent.purpose)
        }
        Change::ConsentExpired(_) => "consent expired".to_owned(),
    }
}
