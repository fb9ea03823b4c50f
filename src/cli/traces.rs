//! `doorstep trace`.

use super::connect::connect;
use super::output;
use clap::Subcommand;
use doorstep::files::parse_span;
use doorstep::wire::v1::{self, decision_service_client::DecisionServiceClient};

#[derive(Debug, Subcommand)]
pub(super) enum Trace {
    /// Record every ping of a device, coordinates included, for a bounded time.
    Start {
        /// The device, `CUSTOMER/DEVICE`.
        device: String,
        /// How long, at most 24h.
        #[arg(long = "for", default_value = "1h", value_name = "SPAN")]
        duration: String,
        #[command(flatten)]
        zone: output::Zone,
    },
    /// Stop recording at once.
    Stop {
        /// The device, `CUSTOMER/DEVICE`.
        device: String,
    },
    /// Show what was recorded, the oldest first.
    Show {
        /// The device, `CUSTOMER/DEVICE`.
        device: String,
        #[command(flatten)]
        zone: output::Zone,
        /// One line of JSON for each ping.
        #[arg(long)]
        json: bool,
    },
}

fn name(device: &str) -> anyhow::Result<String> {
    if device.starts_with("customers/") {
        return Ok(device.to_owned());
    }
    let Some((customer, device)) = device.split_once('/') else {
        anyhow::bail!("{device:?} is no device; must be CUSTOMER/DEVICE such as maya/phone-1");
    };
    Ok(format!("customers/{customer}/devices/{device}"))
}

impl Trace {
    pub(super) async fn run(self, server: &str) -> anyhow::Result<()> {
        let mut client = DecisionServiceClient::new(connect(server).await?);
        match self {
            Self::Start { device, duration, zone } => {
                let request = v1::StartTraceRequest {
                    device: name(&device)?,
                    duration: Some(parse_span("--for", &duration)?.into()),
                };
                let answer = client.start_trace(request).await?.into_inner();
                output::line(&format!("tracing {device} until {}", zone.moment(answer.expire_time.as_ref())));
                Ok(())
            }
            Self::Stop { device } => {
                client.stop_trace(v1::StopTraceRequest { device: name(&device)? }).await?;
                output::line(&format!("no longer tracing {device}"));
                Ok(())
            }
            Self::Show { device, zone, json } => {
                let parent = name(&device)?;
                let mut rows = Vec::new();
                let mut token = String::new();
                loop {
                    let page = Some(v1::Page { size: 1_000, token });
                    let request = v1::ListTraceEntriesRequest { parent: parent.clone(), page };
                    let answer = client.list_trace_entries(request).await?.into_inner();
                    for entry in &answer.entries {
                        if json {
                            output::json("TraceEntry", entry)?;
                        }
                        rows.push(row(entry, &zone));
                    }
                    token = answer.next_page_token;
                    if token.is_empty() {
                        break;
                    }
                }
                if !json {
                    let observed = zone.heading("OBSERVED");
                    output::list(
                        "recorded pings",
                        [&observed, "FIX", "±M", "TAKEN", "TRACK", "NEAREST", "TRANSITIONS"],
                        &rows,
                    );
                }
                Ok(())
            }
        }
    }
}

fn row(entry: &v1::TraceEntry, zone: &output::Zone) -> [String; 7] {
    let decision = entry.decision.clone().unwrap_or_default();
    let at = |lat: Option<f64>, lon: Option<f64>| match (lat, lon) {
        (Some(lat), Some(lon)) => format!("{lat:.5},{lon:.5}"),
        _ => String::new(),
    };
    let nearest = decision.regions.first().map(|step| {
        format!("{} {:.0} m, {:.0} %", output::id(&step.region), step.distance_m, step.probability * 100.0)
    });
    let transitions: Vec<String> = decision
        .transitions
        .iter()
        .map(|transition| format!("{} {}", output::kind(transition.kind()), output::id(&transition.region)))
        .collect();
    [
        zone.moment(decision.observe_time.as_ref()),
        at(entry.latitude, entry.longitude),
        decision.fix.map(|fix| format!("{:.0}", fix.accuracy_m)).unwrap_or_default(),
        decision.fix.map(|fix| output::outcome(fix.outcome())).unwrap_or_default(),
        at(entry.track_latitude, entry.track_longitude),
        nearest.unwrap_or_default(),
        transitions.join(", "),
    ]
}
