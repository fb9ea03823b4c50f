//! The JSON that a phone of Apple's gets.

use crate::deliver::compose::{Tappable, tappable};
use crate::deliver::{Parcel, fits};
use serde::Serialize;
use std::collections::BTreeMap;

/// The most bytes of a payload:
/// <https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification>.
pub const PAYLOAD_MAX_BYTES: usize = 4_096;

#[derive(Serialize)]
struct Payload<'a> {
    aps: Aps<'a>,
    trigger: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deep_link: Option<&'a str>,
    data: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    buttons: Vec<Tappable<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Aps<'a> {
    alert: Alert<'a>,
    sound: &'static str,
    /// What is said about one place is shown together.
    thread_id: &'a str,
    /// 1: the app's notification service extension may fetch the picture before the message is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    mutable_content: Option<u8>,
}

#[derive(Serialize)]
struct Alert<'a> {
    title: &'a str,
    body: &'a str,
}

/// The payload of a parcel, or why it can't be sent: the same bytes for the same parcel.
pub(super) fn json(parcel: &Parcel) -> Result<Vec<u8>, String> {
    let payload = serde_json::to_vec(&Payload {
        aps: Aps {
            alert: Alert { title: &parcel.title, body: &parcel.body },
            sound: "default",
            thread_id: parcel.place.as_str(),
            mutable_content: parcel.image.as_ref().map(|_| 1),
        },
        trigger: parcel.id.as_str(),
        deep_link: parcel.deep_link.as_deref(),
        data: &parcel.data,
        image: parcel.image.as_deref(),
        buttons: tappable(parcel),
    })
    .map_err(|why| why.to_string())?;
    fits("APNs", &payload, PAYLOAD_MAX_BYTES)?;
    Ok(payload)
}
