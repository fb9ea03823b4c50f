//! When a phone was in which region, a lane each.

use super::html::{escape, moment};
use super::{Lane, Panel};
use crate::timeline::clock;
use doorstep::model::DeviceTime;
use std::fmt::Write as _;

/// Most lanes of one panel.
const LANES_MAX: usize = 60;
/// About so many times on the axis.
const TICKS: i64 = 5;
/// Steps between them, in milliseconds.
const STEPS_MS: [i64; 14] = [
    10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000,
    21_600_000, 43_200_000, 86_400_000,
];

/// The lanes; empty where there are none.
pub(super) fn lanes(panel: &Panel) -> String {
    let Some((from, to)) = span(panel) else { return String::new() };
    let share = |at: DeviceTime| 100.0 * (at.0 - from) as f64 / (to - from) as f64;
    let bar = |class: &str, begin: DeviceTime, end: DeviceTime, title: &str| {
        let (left, right) = (share(begin).clamp(0.0, 100.0), share(end).clamp(0.0, 100.0));
        format!(
            r#"<i class="{class}" style="left:{left:.2}%;width:{:.2}%" title="{}"></i>"#,
            (right - left).max(0.0),
            escape(title)
        )
    };
    let mut html = r#"<div class="lanes">"#.to_owned();
    for Lane { name, truth, inside } in panel.lanes.iter().take(LANES_MAX) {
        let when = |begin: DeviceTime, end: Option<DeviceTime>| {
            let end = end.map_or_else(|| "the end".to_owned(), |end| moment(end, &panel.zone));
            format!("{} to {end}", moment(begin, &panel.zone))
        };
        let mut bars = String::new();
        let mut told: Vec<String> = Vec::new();
        for (begin, end) in truth {
            bars.push_str(&bar("true", *begin, *end, &format!("truly inside {}", when(*begin, Some(*end)))));
        }
        for (begin, end) in inside {
            told.push(when(*begin, *end));
            let title = format!("inside {}", when(*begin, *end));
            bars.push_str(&bar("in", *begin, end.unwrap_or(DeviceTime(to)), &title));
        }
        let told = if told.is_empty() { "never inside".to_owned() } else { format!("inside {}", told.join(", ")) };
        let (name, told) = (escape(name), escape(&told));
        let _ = write!(
            html,
            r#"<div class="lane"><span class="name">{name}</span><span class="bars" role="img" aria-label="{name}: {told}">{bars}</span></div>"#
        );
    }
    let _ =
        write!(html, r#"<div class="lane axis" aria-hidden="true"><span class="name"></span><span class="bars">"#);
    let step = STEPS_MS.into_iter().find(|step| (to - from) / step <= TICKS).unwrap_or((to - from) / TICKS);
    let format = if step % 60_000 == 0 { "%H:%M" } else { "%H:%M:%S" };
    let mut at = from + step / 2;
    at -= at.rem_euclid(step.max(1));
    at = if at < from { at + step } else { at };
    while at <= to && step > 0 {
        let left = share(DeviceTime(at));
        // A time at the very end would run over it.
        if left < 86.0 {
            let _ = write!(html, r#"<b style="left:{left:.2}%">{}</b>"#, clock(at, &panel.zone, format));
        }
        at += step;
    }
    html.push_str("</span></div>");
    if panel.lanes.len() > LANES_MAX {
        let _ = write!(html, r#"<p class="more">and {} more regions</p>"#, panel.lanes.len() - LANES_MAX);
    }
    html + "</div>"
}

/// From the first to the last thing that is known.
fn span(panel: &Panel) -> Option<(i64, i64)> {
    if panel.lanes.is_empty() {
        return None;
    }
    let ends = |lane: &Lane| -> Vec<i64> {
        let truth = lane.truth.iter().flat_map(|(from, to)| [from.0, to.0]);
        truth.chain(lane.inside.iter().flat_map(|(from, to)| [from.0, to.map_or(from.0, |to| to.0)])).collect()
    };
    let known = panel.lanes.iter().flat_map(ends);
    let fixes = panel.raw.iter().map(|fix| fix.at.0);
    let all: Vec<i64> = known.chain(fixes).chain(panel.events.iter().map(|event| event.at.0)).collect();
    let (from, to) = (*all.iter().min()?, *all.iter().max()?);
    Some((from, to.max(from + 1_000)))
}
