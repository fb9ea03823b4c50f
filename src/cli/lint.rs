//! `doorstep regions lint`.

use super::regions::{Filter, client, places, regions};
use super::{output, zones};
use anyhow::Context;
use doorstep::files::{Defaults, read_regions};
use doorstep::locate::lint::{self, Expectation, Finding, PASS_WITHIN, Severity, VISIT_S};
use doorstep::locate::{Atlas, Site, Zones};
use doorstep::model::{BrandId, Place, Region, Zone};
use doorstep::wire::v1::{self, RegionWarningSeverity};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most warnings that an import shows.
const SHOWN_MAX: usize = 10;

/// Arguments of `doorstep regions lint`.
#[derive(Debug, clap::Args)]
pub(super) struct Lint {
    /// A GeoJSON FeatureCollection to look at. Without it, the regions of the server.
    file: Option<PathBuf>,
    /// The brand of the file's regions that name no place.
    #[arg(long, default_value = "unnamed", requires = "file")]
    brand: String,
    /// A GeoJSON FeatureCollection of sensitive places to look at with the file. Without a file, the server's count.
    #[arg(long, requires = "file")]
    zones: Option<PathBuf>,
    /// Show what to expect of every fence, not just of those with a finding.
    #[arg(long, conflicts_with = "json")]
    all: bool,
    /// One line of JSON for each finding.
    #[arg(long)]
    json: bool,
    /// Fail when there are warnings. Notes are no warnings.
    #[arg(long)]
    deny_warnings: bool,
}

impl Lint {
    pub(super) async fn run(self, server: &str) -> anyhow::Result<()> {
        let (places, regions) = match &self.file {
            Some(file) => read(file, &self.brand)?,
            None => fetch(server).await?,
        };
        let atlas = Atlas::build(places.into_iter().map(Arc::new), regions.into_iter().map(Arc::new))?;
        let zones: Vec<Zone> = match (&self.file, &self.zones) {
            (_, Some(file)) => zones::read(file)?,
            (Some(_), None) => Vec::new(),
            (None, None) => zones::all(server).await?.0.into_iter().map(Zone::try_from).collect::<Result<_, _>>()?,
        };
        let zones = Zones::build(zones.into_iter().map(Arc::new))?;
        let mut findings = lint::lint_sensitive(&atlas, &zones);
        findings.extend(lint::lint(&atlas));
        if self.json {
            findings
                .iter()
                .try_for_each(|finding| output::json("RegionWarning", &v1::RegionWarning::from(finding)))?;
        } else {
            show(&atlas, &findings, self.all);
        }
        let warnings = findings.iter().filter(|finding| finding.severity == Severity::Warning).count();
        anyhow::ensure!(!self.deny_warnings || warnings == 0, "the lint has {}", output::count(warnings, "warning"));
        Ok(())
    }
}

/// Tells what a server said of the regions of an import.
pub(super) fn after_import(warnings: &[v1::RegionWarning]) {
    let is_grave = |warning: &&v1::RegionWarning| warning.severity() == RegionWarningSeverity::Warning;
    let (grave, all) = (warnings.iter().filter(is_grave).count(), warnings.len());
    for warning in warnings.iter().filter(is_grave).take(SHOWN_MAX) {
        output::line(&format!("warning: {} {}", output::id(&warning.region), warning.text));
    }
    if all > grave.min(SHOWN_MAX) {
        output::line(&format!(
            "{} and {}; `doorstep regions lint` shows all",
            output::count(grave, "warning"),
            output::count(all - grave, "note")
        ));
    }
}

fn read(file: &Path, brand: &str) -> anyhow::Result<(Vec<Place>, Vec<Region>)> {
    let defaults = Defaults { brand: Some(BrandId::parse("--brand", brand)?), ..Defaults::default() };
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    read_regions(&text, &defaults).with_context(|| format!("in {}", file.display()))
}

async fn fetch(server: &str) -> anyhow::Result<(Vec<Place>, Vec<Region>)> {
    let (mut client, all) = (client(server).await?, Filter::default());
    // Regions first: a place that comes between is no harm, a region without its place is.
    let regions = regions(&mut client, &all).await?.into_iter().map(Region::try_from).collect::<Result<_, _>>()?;
    let places = places(&mut client, &all).await?.into_iter().map(Place::try_from).collect::<Result<_, _>>()?;
    Ok((places, regions))
}

fn show(atlas: &Atlas, findings: &[Finding], all: bool) {
    if all {
        let rows: Vec<_> = atlas.sites().filter_map(expected).collect();
        output::table(["REGION", "ACROSS", "MISSED VISITS", "MISSED WALKS", "FALSE ENTERS"], &rows);
        output::line(&format!(
            "Under open sky / on a street / among tall buildings: the share of {VISIT_S} s visits and of walks through \
             the middle\nthat are missed, and of passers-by within {PASS_WITHIN} who are taken for visitors."
        ));
        output::line("");
    }
    if !findings.is_empty() {
        let row = |f: &Finding| [f.severity.to_string().to_uppercase(), f.region.to_string(), f.kind.to_string()];
        output::table(["SEVERITY", "REGION", "FINDING"], &findings.iter().map(row).collect::<Vec<_>>());
        output::line("");
    }
    let warnings = findings.iter().filter(|finding| finding.severity == Severity::Warning).count();
    let (regions, notes) = (atlas.len(), findings.len() - warnings);
    output::line(&format!(
        "{}: {}, {}",
        output::count(regions, "region"),
        output::count(warnings, "warning"),
        output::count(notes, "note")
    ));
}

/// A fence's row of expectations.
fn expected(site: &Site) -> Option<[String; 5]> {
    let expectations = lint::expectations(site)?;
    let three = |of: fn(&Expectation) -> f64| {
        expectations.each_ref().map(|e| format!("{:.1}", 100.0 * of(e))).join(" / ") + " %"
    };
    Some([
        site.region.id.to_string(),
        format!("{}", lint::across(site)?),
        three(|e| e.missed_visits),
        three(|e| e.missed_walks),
        three(|e| e.false_enters),
    ])
}
