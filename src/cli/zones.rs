//! `doorstep zones`.

use super::connect::connect;
use super::output;
use anyhow::Context;
use clap::Subcommand;
use doorstep::files::read_zones;
use doorstep::model::Zone;
use doorstep::wire::v1::{self, zone_service_client::ZoneServiceClient};
use std::path::{Path, PathBuf};
use tonic::transport::Channel;

/// Zones of one page: a zone may have 10,000 vertices.
const PAGE: i32 = 100;
/// The largest answer that is read in bytes.
const ANSWER_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Most silent regions that an import names.
const NAMES_MAX: usize = 10;

#[derive(Debug, Subcommand)]
pub(super) enum ZonesCommand {
    /// Add or replace sensitive places from a GeoJSON file: all of them, or none when one is refused. Says which regions
    /// keep silent for them.
    Import {
        /// A GeoJSON FeatureCollection. A feature is a zone, with a `kind` property: clinic, school, shelter,
        /// place-of-worship or other. A Point with a `radius_m` property is a circle.
        file: PathBuf,
    },
    /// List sensitive places, and how many pings were kept silent about.
    List {
        /// One line of JSON for each.
        #[arg(long)]
        json: bool,
    },
    /// Show a sensitive place, as JSON, and which regions keep silent for it.
    Show {
        /// The zone's id.
        zone: String,
    },
    /// Delete a sensitive place. Regions that kept silent for it alone speak again.
    Delete {
        /// The zone's id.
        zone: String,
    },
}

impl ZonesCommand {
    pub(super) async fn run(self, server: &str) -> anyhow::Result<()> {
        match self {
            Self::Import { file } => import(server, &file).await,
            Self::List { json } => list(server, json).await,
            Self::Show { zone } => {
                let request = v1::GetZoneRequest { name: output::full("zones", &zone) };
                let answer = client(server).await?.get_zone(request).await?.into_inner();
                output::pretty("GetZoneResponse", &answer)
            }
            Self::Delete { zone } => {
                let request = v1::DeleteZoneRequest { name: output::full("zones", &zone) };
                client(server).await?.delete_zone(request).await?;
                output::line(&format!("zone {} deleted", output::id(&zone)));
                Ok(())
            }
        }
    }
}

async fn client(server: &str) -> anyhow::Result<ZoneServiceClient<Channel>> {
    Ok(ZoneServiceClient::new(connect(server).await?).max_decoding_message_size(ANSWER_MAX_BYTES))
}

/// The zones of a file, as the server would take them.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<Zone>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    read_zones(&text).with_context(|| format!("in {}", file.display()))
}

/// All zones of a server, and how many pings were kept silent about.
pub(super) async fn all(server: &str) -> anyhow::Result<(Vec<v1::Zone>, i64)> {
    let mut client = client(server).await?;
    let (mut zones, mut token) = (Vec::new(), String::new());
    loop {
        let page = Some(v1::Page { size: PAGE, token });
        let answer = client.list_zones(v1::ListZonesRequest { page }).await?.into_inner();
        zones.extend(answer.zones);
        token = answer.next_page_token;
        if token.is_empty() {
            return Ok((zones, answer.hushed_pings));
        }
    }
}

async fn import(server: &str, file: &Path) -> anyhow::Result<()> {
    let zones = read(file)?;
    let request = v1::BatchUpsertZonesRequest { zones: zones.iter().map(v1::Zone::from).collect() };
    let v1::BatchUpsertZonesResponse { created, updated, silent_regions } =
        client(server).await?.batch_upsert_zones(request).await?.into_inner();
    let count = output::count(zones.len(), "zone");
    output::line(&format!("{count} imported: {created} new, {updated} replaced"));
    if !silent_regions.is_empty() {
        let names: Vec<String> = silent_regions.iter().map(|name| output::id(name).to_owned()).collect();
        let count = output::count(names.len(), "region");
        output::line(&format!("warning: {count} over them, silent from now on: {}", output::few(&names, NAMES_MAX)));
    }
    Ok(())
}

async fn list(server: &str, json: bool) -> anyhow::Result<()> {
    let (zones, hushed) = all(server).await?;
    if json {
        return zones.iter().try_for_each(|zone| output::json("Zone", zone));
    }
    let row = |zone: &v1::Zone| {
        let kind = Zone::try_from(zone.clone()).map(|zone| zone.kind.word()).unwrap_or_default();
        [output::id(&zone.name).to_owned(), kind.to_owned(), zone.display_name.clone()]
    };
    let rows: Vec<[String; 3]> = zones.iter().map(row).collect();
    output::list("zones", ["ZONE", "KIND", "NAME"], &rows);
    if !rows.is_empty() {
        let count = output::count(usize::try_from(hushed).unwrap_or_default(), "ping");
        output::line(&format!("{count} kept by number alone since the server began"));
    }
    Ok(())
}
