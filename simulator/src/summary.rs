//! What a walk came to: what was passed, what a naive trigger would have sent, what was sent, what was held back.

use crate::naive::{doors_passed, naive_alerts};
use crate::route::Route;
use crate::timeline::{Names, Printer, Tone, tally};
use anyhow::Result;
use doorstep::model::{Decision, Ping};
use doorstep::qualify::CampaignBook;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

/// The closing count of a walk. Its JSON form is a contract: fields may be added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Pings that the phone sent.
    pub pings: usize,
    /// Fences that the true path came into, each time it did; with or without a campaign.
    pub doors_passed: usize,
    /// Alerts that a naive trigger would have sent: one for each time the raw fix goes from outside to inside a
    /// fence where coming in sets off a campaign that is not paused.
    pub alerts_naive: usize,
    /// Alerts that Doorstep sent.
    pub alerts_sent: usize,
    /// Alerts that arrived at the webhook, signed, each counted once; absent where nobody looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerts_received: Option<usize>,
    /// Alerts that were held back, by reason.
    pub held_back: BTreeMap<String, u64>,
    /// The seed of the noise.
    pub seed: u64,
}

impl Summary {
    /// Counts. Of what was received the caller knows.
    pub fn count(names: &Names, route: &Route, pings: &[Ping], decisions: &[Decision], seed: u64) -> Result<Self> {
        let atlas = names.atlas()?;
        let campaigns = CampaignBook::build(names.campaigns.values().cloned().map(Arc::new));
        let tally = tally(decisions);
        Ok(Self {
            pings: pings.len(),
            doors_passed: doors_passed(&atlas, route).len(),
            alerts_naive: naive_alerts(&atlas, &campaigns, pings).len(),
            alerts_sent: tally.sent.len(),
            alerts_received: None,
            held_back: tally.held_back.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect(),
            seed,
        })
    }

    /// Prints the count, aligned.
    pub fn print(&self, out: &mut dyn Write, printer: &Printer) -> Result<()> {
        let mut line = |what: &str, count: u64, note: &str, tone| {
            writeln!(out, "{}", printer.paint(tone, format!("{what:<34}{count:>6}   {note}").trim_end()))
        };
        line("pings", self.pings as u64, "", Tone::Plain)?;
        line("doors passed", self.doors_passed as u64, "fences that the true path came into", Tone::Plain)?;
        let note = "one each time the raw fix steps inside a door that has a campaign";
        line("alerts of a naive trigger", self.alerts_naive as u64, note, Tone::Plain)?;
        line("alerts sent", self.alerts_sent as u64, "", Tone::Sent)?;
        if let Some(received) = self.alerts_received {
            let tone = if received == self.alerts_sent { Tone::Sent } else { Tone::Trouble };
            line("alerts received", received as u64, "at the webhook, signatures verified, repeats left out", tone)?;
        }
        line("held back", self.held_back.values().sum(), "", Tone::Plain)?;
        for (reason, count) in &self.held_back {
            line(&format!("  {reason}"), *count, "", Tone::HeldBack)?;
        }
        Ok(())
    }

    /// The same as one line of JSON.
    pub fn json(&self) -> Result<String> {
        Ok(serde_json::to_string(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn summary() -> Summary {
        Summary {
            pings: 1_631,
            doors_passed: 8,
            alerts_naive: 11,
            alerts_sent: 1,
            alerts_received: Some(1),
            held_back: BTreeMap::from([("customer cap".to_owned(), 4), ("outranked".to_owned(), 1)]),
            seed: 7,
        }
    }

    #[test]
    fn the_json_has_the_promised_fields() {
        let expected = r#"{"pings":1631,"doors_passed":8,"alerts_naive":11,"alerts_sent":1,"alerts_received":1,"held_back":{"customer cap":4,"outranked":1},"seed":7}"#;
        assert_eq!(summary().json().unwrap(), expected);
    }

    #[test]
    fn the_count_is_aligned() {
        let mut out = Vec::new();
        summary().print(&mut out, &Printer { zone: TimeZone::UTC, colour: false }).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("\nalerts sent                            1\n"), "{text}");
        assert!(
            text.contains("\nheld back                              5\n  customer cap                         4\n"),
            "{text}"
        );
    }
}
