//! `doorstep report`.

use super::connect::connect;
use super::output;
use clap::Args;
use doorstep::wire::v1::{self, campaign_service_client::CampaignServiceClient};

/// What a campaign did, and what it changed.
#[derive(Debug, Args)]
pub(super) struct Report {
    /// The campaign's id.
    campaign: String,
    /// From this day of UTC on, such as 2026-07-01. Without it, from the first that there is.
    #[arg(long, default_value = "", value_name = "DATE")]
    from: String,
    /// Up to this day, included. Without it, to the last that there is.
    #[arg(long, default_value = "", value_name = "DATE")]
    to: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Report {
    pub(super) async fn run(self, server: &str) -> anyhow::Result<()> {
        let name = output::full("campaigns", &self.campaign);
        let request = v1::GetCampaignReportRequest { name, from_date: self.from, to_date: self.to };
        let mut client = CampaignServiceClient::new(connect(server).await?);
        let report = client.get_campaign_report(request).await?.into_inner().report.unwrap_or_default();
        if self.json {
            return output::json("CampaignReport", &report);
        }
        show(&report);
        Ok(())
    }
}

fn show(report: &v1::CampaignReport) {
    if report.first_date.is_empty() {
        output::line(&format!("campaign {}: nothing yet in these days", output::id(&report.campaign)));
        return;
    }
    output::line(&format!(
        "campaign {}, {} to {} (UTC)",
        output::id(&report.campaign),
        report.first_date,
        report.last_date
    ));
    output::line("");
    let mut arms = vec![("sent".to_owned(), report.sent.clone().unwrap_or_default())];
    arms.push(("held out".to_owned(), report.held_out.clone().unwrap_or_default()));
    arms.extend(
        report.variants.iter().map(|own| (format!("sent {}", own.variant), own.sent.clone().unwrap_or_default())),
    );
    output::line(&format!("{} visits, {} qualified", report.visit_count, report.qualified_count));
    let rows: Vec<[String; 9]> = arms.iter().map(|(name, arm)| row(name, arm)).collect();
    let heading =
        ["", "COUNT", "DELIVERED", "OPENED", "CONVERSIONS", "RATE (95 %)", "VALUE", "BOUGHT AGAIN", "PER BUYER"];
    output::table(heading, &rows);
    output::line("");
    let lifts = std::iter::once(("against held out".to_owned(), report.lift))
        .chain(report.variants.iter().map(|own| (format!("{} against held out", own.variant), own.lift)))
        .chain(report.variants.iter().filter(|own| own.against_first.is_some()).map(|own| {
            let first = report.variants.first().map(|first| first.variant.as_str()).unwrap_or_default();
            (format!("{} against {first}", own.variant), own.against_first)
        }));
    let rows: Vec<[String; 3]> = lifts.filter_map(|(name, lift)| Some(lifted(name, &lift?))).collect();
    if rows.is_empty() {
        output::line("no lift: nobody was held out, or nobody was sent anything");
    } else {
        output::table(["LIFT", "POINTS (95 %)", "RELATIVE (95 %)"], &rows);
    }
    if !report.held_back.is_empty() {
        output::line("");
        let rows: Vec<[String; 2]> =
            report.held_back.iter().map(|own| [own.reason.clone(), own.count.to_string()]).collect();
        output::table(["HELD BACK", "VISITS"], &rows);
    }
}

fn row(name: &str, arm: &v1::ArmReport) -> [String; 9] {
    let values: Vec<String> =
        arm.order_values.iter().map(|amount| format!("{:.2} {}", amount.value, amount.currency)).collect();
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        name.to_owned(),
        arm.count.to_string(),
        arm.delivered_count.to_string(),
        arm.opened_count.to_string(),
        arm.conversion_count.to_string(),
        or_none(arm.conversion_rate.map(|rate| percent(&rate, false))),
        or_none((!values.is_empty()).then(|| values.join(", "))),
        or_none(arm.first_to_repeat.map(|share| format!("{:.1} %", 100.0 * share))),
        or_none(arm.purchase_frequency.map(|often| format!("{often:.2}"))),
    ]
}

fn lifted(name: String, lift: &v1::Lift) -> [String; 3] {
    let relative = lift.relative.map_or_else(|| "-".to_owned(), |own| percent(&own, true));
    [name, lift.difference.map(|own| percent(&own, true)).unwrap_or_default(), relative]
}

/// `12.0 % (10.1 to 14.2)`; with a sign where it is a change.
fn percent(estimate: &v1::Estimate, change: bool) -> String {
    let number = |share: f64| {
        let share = 100.0 * share;
        if change { format!("{share:+.1}") } else { format!("{share:.1}") }
    };
    format!("{} % ({} to {})", number(estimate.value), number(estimate.low), number(estimate.high))
}
