//! The JSON that a webhook receives: a CloudEvent 1.0 in structured mode, whose extension attribute `timestamp` makes
//! it what Standard Webhooks recommends, section "Payload structure".

use crate::deliver::Parcel;
use crate::deliver::compose::{Tappable, tappable};
use crate::model::{Locale, ServerTime, TransitionKind};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// The event type: the schema of `data` goes with it and only grows.
pub(super) const EVENT: &str = "trigger.qualified";

/// What the body is: CloudEvents 1.0.2, JSON event format, section 3.
pub(super) const CONTENT: &str = "application/cloudevents+json";
/// Who the event comes from. With it and the id, no two events are alike.
const SOURCE: &str = "/doorstep";

#[derive(Serialize)]
struct Event<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'static str,
    r#type: &'static str,
    subject: String,
    datacontenttype: &'static str,
    /// When the trigger became due; the attempt's time is in a header.
    time: &'a str,
    timestamp: &'a str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    trigger: &'a str,
    customer: &'a str,
    device: &'a str,
    platform: &'static str,
    push_address: &'a str,
    locale: &'a str,
    campaign: &'a str,
    region: &'a str,
    place: &'a str,
    transition: &'static str,
    message: Message<'a>,
    expire_time: String,
}

#[derive(Serialize)]
struct Message<'a> {
    title: &'a str,
    body: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deep_link: Option<&'a str>,
    data: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    buttons: Vec<Tappable<'a>>,
    /// The language of the message; that of the phone is beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<&'a str>,
}

/// The body of a parcel: the same bytes for the same parcel. Times are RFC 3339 in UTC with milliseconds.
pub(super) fn json(parcel: &Parcel) -> Result<String, serde_json::Error> {
    let created = rfc3339(parcel.created);
    serde_json::to_string(&Event {
        specversion: "1.0",
        id: parcel.id.as_str(),
        source: SOURCE,
        r#type: EVENT,
        subject: format!("customers/{}/triggers/{}", parcel.customer, parcel.id),
        datacontenttype: "application/json",
        time: &created,
        timestamp: &created,
        data: Data {
            trigger: parcel.id.as_str(),
            customer: parcel.customer.as_str(),
            device: parcel.device.as_str(),
            platform: parcel.platform.word(),
            push_address: &parcel.push_address,
            locale: &parcel.locale,
            campaign: parcel.campaign.as_str(),
            region: parcel.region.as_str(),
            place: parcel.place.as_str(),
            transition: transition(parcel.on),
            message: Message {
                title: &parcel.title,
                body: &parcel.body,
                deep_link: parcel.deep_link.as_deref(),
                data: &parcel.data,
                image: parcel.image.as_deref(),
                buttons: tappable(parcel),
                locale: parcel.language.as_ref().map(Locale::as_str),
            },
            expire_time: rfc3339(parcel.expires),
        },
    })
}

fn rfc3339(time: ServerTime) -> String {
    // Out of range is some 9,000 years away from any trigger.
    let time = Timestamp::from_millisecond(time.0).unwrap_or(Timestamp::MAX);
    format!("{time:.3}")
}

fn transition(kind: TransitionKind) -> &'static str {
    match kind {
        TransitionKind::Enter => "enter",
        TransitionKind::Dwell => "dwell",
        TransitionKind::Exit => "exit",
        TransitionKind::Approach => "approach",
        TransitionKind::Pass => "pass",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::compose::{compose, tests};

    #[test]
    fn the_body_is_an_event_of_the_recommended_structure_without_coordinates() {
        let parcel = compose(&tests::trigger("ann", ServerTime(1_767_261_600_250)), &tests::device());
        let id = parcel.id.as_str();
        let expected = format!(
            concat!(
                r#"{{"specversion":"1.0","id":"{0}","source":"/doorstep","type":"trigger.qualified","#,
                r#""subject":"customers/ann/triggers/{0}","datacontenttype":"application/json","#,
                r#""time":"2026-01-01T10:00:00.250Z","timestamp":"2026-01-01T10:00:00.250Z","#,
                r#""data":{{"trigger":"{0}","#,
                r#""customer":"ann","device":"phone-1","platform":"ios","push_address":"very-secret-address","#,
                r#""locale":"nl-NL","campaign":"latte","region":"roost-door","place":"roost","transition":"enter","#,
                r#""message":{{"title":"A latte?","body":"Half price, \"just\" today ☕","#,
                r#""deep_link":"roost://latte","data":{{"offer":"7"}},"image":"https://roost.example/latte.png","#,
                r#""buttons":[{{"id":"map","title":"Map","deep_link":"roost://map"}}],"locale":"en"}},"expire_time":"2026-01-01T10:01:00.250Z"}}}}"#
            ),
            id
        );
        assert_eq!(json(&parcel).unwrap(), expected);
    }
}
