//! The JSON that FCM takes: `projects.messages.send` of its HTTP v1 API.

use crate::deliver::compose::tappable;
use crate::deliver::{Parcel, fits};
use crate::model::ServerTime;
use serde::Serialize;
use std::collections::BTreeMap;

/// The most bytes of a message, its token left out:
/// <https://firebase.google.com/docs/cloud-messaging/concept-options>.
pub const MESSAGE_MAX_BYTES: usize = 4_096;
/// The longest that FCM keeps a message for a device that is away, in seconds.
const TTL_MAX_S: i64 = 2_419_200;
/// Names of our own values among the app's.
const TRIGGER: &str = "doorstep_trigger";
const DEEP_LINK: &str = "doorstep_deep_link";
/// The buttons as a JSON list: values are texts.
const BUTTONS: &str = "doorstep_buttons";

#[derive(Serialize)]
struct Send<'a> {
    message: Message<'a>,
}

#[derive(Serialize)]
struct Message<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    token: &'a str,
    notification: Notification<'a>,
    data: BTreeMap<&'a str, &'a str>,
    android: Android<'a>,
    #[serde(rename = "fcmOptions")]
    options: Options<'a>,
}

#[derive(Serialize)]
struct Notification<'a> {
    title: &'a str,
    body: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
}

#[derive(Serialize)]
struct Android<'a> {
    /// A door is passed within seconds: it is worth waking the phone.
    priority: &'static str,
    ttl: String,
    notification: Tag<'a>,
}

#[derive(Serialize)]
struct Tag<'a> {
    /// One of the same tag replaces it: a repeated attempt shows nothing new. There is no `collapse_key`, since of
    /// those FCM keeps but four a device.
    tag: &'a str,
}

#[derive(Serialize)]
struct Options<'a> {
    #[serde(rename = "analyticsLabel")]
    analytics_label: &'a str,
}

/// The body of a parcel, or why it can't be sent.
pub(super) fn json(parcel: &Parcel, now: ServerTime) -> Result<Vec<u8>, String> {
    if let Some(key) = parcel.data.keys().find(|key| is_reserved(key)) {
        return Err(format!("the data key {key:?} is reserved by FCM"));
    }
    let id = parcel.id.as_str();
    let mut data: BTreeMap<&str, &str> = parcel.data.iter().map(|(key, value)| (&**key, &**value)).collect();
    data.insert(TRIGGER, id);
    if let Some(link) = &parcel.deep_link {
        data.insert(DEEP_LINK, link);
    }
    let buttons = serde_json::to_string(&tappable(parcel)).map_err(|why| why.to_string())?;
    if !parcel.buttons.is_empty() {
        data.insert(BUTTONS, &buttons);
    }
    // Labels are letters, digits and - _ . ~ %, at most 50; ids are longer, and have colons.
    let label: String = parcel.campaign.as_str().replace(':', "_").chars().take(50).collect();
    let ttl = (parcel.expires - now).0.div_euclid(1_000).clamp(0, TTL_MAX_S);
    let mut send = Send {
        message: Message {
            token: "",
            notification: Notification { title: &parcel.title, body: &parcel.body, image: parcel.image.as_deref() },
            data,
            android: Android { priority: "HIGH", ttl: format!("{ttl}s"), notification: Tag { tag: id } },
            options: Options { analytics_label: &label },
        },
    };
    fits("FCM", &serde_json::to_vec(&send.message).map_err(|why| why.to_string())?, MESSAGE_MAX_BYTES)?;
    send.message.token = &parcel.push_address;
    serde_json::to_vec(&send).map_err(|why| why.to_string())
}

/// Whether FCM takes the key for its own: <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages>,
/// and what its page on errors says of `INVALID_ARGUMENT`.
fn is_reserved(key: &str) -> bool {
    ["from", "message_type", "gcm"].contains(&key) || key.starts_with("google") || key.starts_with("gcm.")
}
