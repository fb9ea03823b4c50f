//! `doorstep campaigns preview`.

use super::connect::connect;
use super::output;
use anyhow::{Context, bail};
use doorstep::files::read_campaigns;
use doorstep::wire::v1::{self, campaign_service_client::CampaignServiceClient};
use std::path::Path;

/// The campaign to preview: by its name, or all of it from a file.
pub(super) fn campaign(id: &str, file: Option<&Path>) -> anyhow::Result<v1::Campaign> {
    let Some(file) = file else {
        return Ok(v1::Campaign { name: output::full("campaigns", id), ..v1::Campaign::default() });
    };
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let campaigns = read_campaigns(&text).with_context(|| format!("in {shown}"))?;
    let found = campaigns.iter().find(|own| own.id.as_str() == output::id(id));
    found.map(Into::into).with_context(|| format!("there is no campaign {id} in {shown}"))
}

/// Asks for the message, and prints it.
pub(super) async fn run(server: &str, request: v1::PreviewMessageRequest, json: bool) -> anyhow::Result<()> {
    let mut client = CampaignServiceClient::new(connect(server).await?);
    let answer = client.preview_message(request).await?.into_inner();
    let Some(message) = answer.message else {
        bail!("nothing would be sent: {}", answer.failure);
    };
    if json {
        return output::pretty("Message", &message);
    }
    let rows = [("title", &message.title), ("body", &message.body), ("locale", &message.locale)];
    let links = [("deep link", &message.deep_link), ("image", &message.image)];
    for (what, value) in rows.into_iter().chain(links).filter(|(_, value)| !value.is_empty()) {
        output::line(&format!("{:10} {value}", format!("{what}:")));
    }
    for (key, value) in message.data.into_iter().collect::<std::collections::BTreeMap<_, _>>() {
        output::line(&format!("{:10} {key}={value}", "data:"));
    }
    for button in &message.buttons {
        output::line(format!("{:10} {} {}", "button:", button.title, button.deep_link).trim_end());
    }
    if !answer.failure.is_empty() {
        output::line(&format!("{:10} {}", "fell back:", answer.failure));
    }
    Ok(())
}
