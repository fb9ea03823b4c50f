//! `doorstep regions`.

use super::connect::connect;
use super::lint::{self, Lint};
use super::output;
use anyhow::Context;
use clap::Subcommand;
use doorstep::files::{Defaults, read_regions, repair_regions, write_regions};
use doorstep::model::{BrandId, Place, Region};
use doorstep::wire::v1::{self, region_service_client::RegionServiceClient};
use std::path::{Path, PathBuf};
use tonic::transport::Channel;

const PAGE: i32 = 1_000;
/// The largest answer that is read in bytes.
const ANSWER_MAX_BYTES: usize = 64 * 1024 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum Regions {
    /// Add or replace places and regions from a GeoJSON file: all of them, or none when one is refused.
    Import {
        /// A GeoJSON FeatureCollection. A feature is a region: a Point with a `radius_m` property is a circle.
        file: PathBuf,
        /// The brand of regions that name no place; each then gets a place of its own.
        #[arg(long, requires = "time_zone")]
        brand: Option<String>,
        /// The time zone of those places, an IANA name such as America/Denver.
        #[arg(long, value_name = "ZONE", requires = "brand")]
        time_zone: Option<String>,
        /// Close rings, drop spikes and repeated points, bring longitudes beyond 180° back, and say each; what changes
        /// no area. Polygons that cross themselves or have no area are refused nevertheless.
        #[arg(long)]
        repair: bool,
    },
    /// Write places and regions as GeoJSON.
    Export {
        /// The file to write. Without it, to standard output.
        #[arg(short, long)]
        output: Option<PathBuf>,
        #[command(flatten)]
        filter: Filter,
    },
    /// Say of each region what to expect: visits missed and confused, before anybody has walked in.
    Lint(Lint),
    /// List regions.
    List {
        #[command(flatten)]
        filter: Filter,
        /// One line of JSON for each.
        #[arg(long)]
        json: bool,
    },
    /// Delete a region. Its place stays.
    Delete {
        /// The region's id.
        region: String,
    },
}

#[derive(Debug, Default, clap::Args)]
pub(super) struct Filter {
    /// Only those of this brand.
    #[arg(long, default_value = "")]
    brand: String,
    /// Only those that bear this tag, or whose place does.
    #[arg(long, default_value = "")]
    tag: String,
}

impl Regions {
    pub(super) async fn run(self, server: &str) -> anyhow::Result<()> {
        match self {
            Self::Import { file, brand, time_zone, repair } => {
                let brand = brand.map(|brand| BrandId::parse("--brand", &brand)).transpose()?;
                let mut defaults = Defaults { brand, ..Defaults::default() };
                if let Some(time_zone) = time_zone {
                    defaults.time_zone = time_zone;
                }
                import(server, &file, &defaults, repair).await
            }
            Self::Lint(lint) => lint.run(server).await,
            Self::Export { output, filter } => export(client(server).await?, &filter, output).await,
            Self::List { filter, json } => {
                let regions = regions(&mut client(server).await?, &filter).await?;
                if json {
                    return regions.iter().try_for_each(|region| output::json("Region", region));
                }
                let row = |region: &v1::Region| {
                    [
                        output::id(&region.name).to_owned(),
                        output::id(&region.place).to_owned(),
                        extent(region),
                        region.display_name.clone(),
                    ]
                };
                let rows: Vec<_> = regions.iter().map(row).collect();
                output::list("regions", ["REGION", "PLACE", "EXTENT", "NAME"], &rows);
                Ok(())
            }
            Self::Delete { region } => {
                let request = v1::DeleteRegionRequest { name: output::full("regions", &region) };
                client(server).await?.delete_region(request).await?;
                output::line(&format!("region {} deleted", output::id(&region)));
                Ok(())
            }
        }
    }
}

/// A client that takes large answers.
pub(super) async fn client(server: &str) -> anyhow::Result<RegionServiceClient<Channel>> {
    Ok(RegionServiceClient::new(connect(server).await?).max_decoding_message_size(ANSWER_MAX_BYTES))
}

/// Imports a file. Where that fails, and a repair would have changed the file, says so.
async fn import(server: &str, file: &Path, defaults: &Defaults, repair: bool) -> anyhow::Result<()> {
    let mut text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let in_file = || format!("in {}", file.display());
    let (repaired, repairs) = repair_regions(&text).with_context(in_file)?;
    if repair {
        for what in &repairs {
            output::line(&format!("repaired: {what}"));
        }
        text = repaired;
    }
    let taken = match read_regions(&text, defaults).with_context(in_file) {
        Ok((places, regions)) => upsert(server, &places, &regions).await,
        Err(error) => Err(error),
    };
    match repairs.first() {
        Some(first) if !repair => {
            taken.with_context(|| format!("`--repair` may help, as {first} ({} in all)", repairs.len()))
        }
        Some(_) | None => taken,
    }
}

async fn upsert(server: &str, places: &[Place], regions: &[Region]) -> anyhow::Result<()> {
    let request = v1::BatchUpsertRegionsRequest {
        places: places.iter().map(v1::Place::from).collect(),
        regions: regions.iter().map(v1::Region::from).collect(),
    };
    let v1::BatchUpsertRegionsResponse { created, updated, warnings } =
        client(server).await?.batch_upsert_regions(request).await?.into_inner();
    output::line(&format!(
        "{} and {} imported: {created} new, {updated} replaced",
        output::count(places.len(), "place"),
        output::count(regions.len(), "region")
    ));
    lint::after_import(&warnings);
    Ok(())
}

async fn export(
    mut client: RegionServiceClient<Channel>,
    filter: &Filter,
    output: Option<PathBuf>,
) -> anyhow::Result<()> {
    let regions: Vec<Region> =
        regions(&mut client, filter).await?.into_iter().map(Region::try_from).collect::<Result<_, _>>()?;
    let places: Vec<Place> = places(&mut client, filter)
        .await?
        .into_iter()
        .map(Place::try_from)
        .filter(|place| !place.as_ref().is_ok_and(|place| regions.iter().all(|region| region.place != place.id)))
        .collect::<Result<_, _>>()?;
    let text = write_regions(&places, &regions)?;
    match output {
        Some(file) => {
            std::fs::write(&file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
            output::line(&format!(
                "{} and {} in {}",
                output::count(places.len(), "place"),
                output::count(regions.len(), "region"),
                file.display()
            ));
        }
        None => output::line(&text),
    }
    Ok(())
}

pub(super) async fn regions(
    client: &mut RegionServiceClient<Channel>,
    filter: &Filter,
) -> anyhow::Result<Vec<v1::Region>> {
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let request = v1::ListRegionsRequest {
            page: Some(v1::Page { size: PAGE, token }),
            brand: filter.brand.clone(),
            tag: filter.tag.clone(),
            ..Default::default()
        };
        let answer = client.list_regions(request).await?.into_inner();
        all.extend(answer.regions);
        token = answer.next_page_token;
        if token.is_empty() {
            return Ok(all);
        }
    }
}

/// The places of the brand. A tag may sit on the region alone, so it does not narrow the places.
pub(super) async fn places(
    client: &mut RegionServiceClient<Channel>,
    filter: &Filter,
) -> anyhow::Result<Vec<v1::Place>> {
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let request = v1::ListPlacesRequest {
            page: Some(v1::Page { size: PAGE, token }),
            brand: filter.brand.clone(),
            ..Default::default()
        };
        let answer = client.list_places(request).await?.into_inner();
        all.extend(answer.places);
        token = answer.next_page_token;
        if token.is_empty() {
            return Ok(all);
        }
    }
}

fn extent(region: &v1::Region) -> String {
    use v1::region::Extent;
    match &region.extent {
        Some(Extent::Circle(circle)) => format!("circle of {} m", circle.radius_m),
        Some(Extent::Polygon(polygon)) => format!("polygon of {}", output::count(polygon.rings.len(), "ring")),
        Some(Extent::MultiPolygon(several)) => output::count(several.polygons.len(), "polygon"),
        Some(Extent::Beacon(beacon)) => match (beacon.major, beacon.minor) {
            (Some(major), Some(minor)) => format!("beacon {major}/{minor}"),
            (Some(major), None) => format!("beacons {major}/any"),
            (None, _) => "beacons of a UUID".to_owned(),
        },
        None => String::new(),
    }
}
