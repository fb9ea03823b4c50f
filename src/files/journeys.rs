//! Journeys as YAML: a list under `journeys`.

use super::{FileError, rules};
use crate::model::{BrandId, Invalid, Journey, JourneyId, Stage, StageId};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    journeys: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    #[serde(default)]
    name: Option<String>,
    brand: String,
    stages: Vec<StageEntry>,
    #[serde(default)]
    allow_skips: bool,
    #[serde(default)]
    restart: Option<rules::Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StageEntry {
    id: String,
    #[serde(default)]
    name: Option<String>,
    enter: rules::Entry,
}

/// Reads journeys. An error names line and column, or the journey by its index and the field by its path.
pub fn read_journeys(text: &str) -> Result<Vec<Journey>, FileError> {
    let file: File = serde_norway::from_str(text)?;
    let journeys = file.journeys.into_iter().enumerate();
    Ok(journeys
        .map(|(index, entry)| journey(entry).map_err(|why| why.at("journeys", index)))
        .collect::<Result<_, _>>()?)
}

/// Reads one journey, an entry of that list.
pub fn read_journey(text: &str) -> Result<Journey, FileError> {
    Ok(journey(serde_norway::from_str(text)?)?)
}

fn journey(entry: Entry) -> Result<Journey, Invalid> {
    let stages = entry.stages.into_iter().enumerate();
    Ok(Journey {
        display_name: entry.name.unwrap_or_else(|| entry.id.clone()),
        id: JourneyId::parse("id", &entry.id)?,
        brand: BrandId::parse("brand", &entry.brand)?,
        stages: stages
            .map(|(index, entry)| stage(entry).map_err(|why| why.at("stages", index)))
            .collect::<Result<_, _>>()?,
        skips: entry.allow_skips,
        restart: entry.restart.map(rules::rule).transpose().map_err(|why| why.under("restart"))?,
    })
}

fn stage(entry: StageEntry) -> Result<Stage, Invalid> {
    Ok(Stage {
        display_name: entry.name.unwrap_or_else(|| entry.id.clone()),
        id: StageId::parse("id", &entry.id)?,
        enter: rules::rule(entry.enter).map_err(|why| why.under("enter"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOYAL: &str = "journeys:\n- id: loyal\n  brand: roost\n  stages:\n  - { id: browsed, enter: { event: { name: browse } } }\n  - { id: visited, name: Came by, enter: { visits: {} } }\n";

    #[test]
    fn a_journey_reads_and_a_refusal_says_where() {
        let loyal = &read_journeys(LOYAL).unwrap()[0];
        assert_eq!((loyal.display_name.as_str(), loyal.skips, loyal.restart.as_ref()), ("loyal", false, None));
        let names: Vec<_> = loyal.stages.iter().map(|stage| stage.display_name.as_str()).collect();
        assert_eq!(names, ["browsed", "Came by"]);
        for (from, to, place) in [
            ("id: browsed", "id: a b", "journeys[0].stages[0].id"),
            ("{ visits: {} }", "{}", "journeys[0].stages[1].enter has 0 kinds"),
            ("brand: roost", "brand: a b", "journeys[0].brand"),
            ("brand: roost", "brand: roost\n  restart: { event: { name: a b } }", "journeys[0].restart.event.name"),
        ] {
            let refusal = read_journeys(&LOYAL.replace(from, to)).unwrap_err().to_string();
            assert!(refusal.starts_with(place), "{refusal}");
        }
    }
}
