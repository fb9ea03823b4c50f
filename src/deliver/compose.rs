//! Trigger and device → parcel.

use crate::model::{
    Button, CampaignId, CustomerId, Device, DeviceId, Locale, PlaceId, Platform, RegionId, ServerTime,
    TransitionKind, Trigger, TriggerId,
};
use std::collections::BTreeMap;
use std::fmt;

/// Everything that a provider needs to know of a trigger, and no more: there are no coordinates in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The trigger's id, and the idempotency key of its delivery: the same in every attempt.
    pub id: TriggerId,
    /// Whose.
    pub customer: CustomerId,
    /// The device that it goes to.
    pub device: DeviceId,
    /// What that device runs.
    pub platform: Platform,
    /// Its address for push; empty when there is none.
    pub push_address: String,
    /// Its language, a BCP 47 tag.
    pub locale: String,
    /// The campaign.
    pub campaign: CampaignId,
    /// The region.
    pub region: RegionId,
    /// The place.
    pub place: PlaceId,
    /// What happened there.
    pub on: TransitionKind,
    /// The heading.
    pub title: String,
    /// The text.
    pub body: String,
    /// What opens on a tap: an absolute URI.
    pub deep_link: Option<String>,
    /// Further values for the app.
    pub data: BTreeMap<String, String>,
    /// A picture to show: an `https` URI.
    pub image: Option<String>,
    /// What else can be tapped.
    pub buttons: Vec<Button>,
    /// The language of the message, a BCP 47 tag; absent: the campaign does not say.
    pub language: Option<Locale>,
    /// When the trigger became due.
    pub created: ServerTime,
    /// When it is no longer worth delivering.
    pub expires: ServerTime,
}

impl fmt::Debug for Parcel {
    /// Names the parcel, without what is private in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel").field("id", &self.id).field("campaign", &self.campaign).finish_non_exhaustive()
    }
}

/// Makes the parcel of a trigger for the device that it goes to. Pure: as long as the device stays the same, every
/// attempt sends the same.
pub fn compose(trigger: &Trigger, device: &Device) -> Parcel {
    Parcel {
        id: trigger.id.clone(),
        customer: trigger.customer.clone(),
        device: device.id.clone(),
        platform: device.platform,
        push_address: device.push_address.clone(),
        locale: device.locale.clone(),
        campaign: trigger.campaign.clone(),
        region: trigger.transition.region.clone(),
        place: trigger.place.clone(),
        on: trigger.transition.kind,
        title: trigger.message.title.clone(),
        body: trigger.message.body.clone(),
        deep_link: trigger.message.deep_link.clone(),
        data: trigger.message.data.clone(),
        image: trigger.message.image.clone(),
        buttons: trigger.message.buttons.clone(),
        language: trigger.message.locale.clone(),
        created: trigger.created,
        expires: trigger.expires,
    }
}

/// A button as providers' bodies hold it.
#[derive(serde::Serialize)]
pub(super) struct Tappable<'a> {
    id: &'a str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deep_link: Option<&'a str>,
}

/// The buttons of a parcel.
pub(super) fn tappable(parcel: &Parcel) -> Vec<Tappable<'_>> {
    let buttons = parcel.buttons.iter();
    buttons
        .map(|Button { id, title, deep_link }| Tappable { id: id.as_str(), title, deep_link: deep_link.as_deref() })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::{ButtonId, Channel, DecisionId, DeviceTime, Message, Millis, Transition, VisitId};

    /// A trigger of `customer` that was created at `created` and lives for a minute.
    pub(crate) fn trigger(customer: &str, created: ServerTime) -> Trigger {
        let (customer, campaign) =
            (CustomerId::parse("c", customer).unwrap(), CampaignId::parse("c", "latte").unwrap());
        let (device, region) =
            (DeviceId::parse("d", "phone-1").unwrap(), RegionId::parse("r", "roost-door").unwrap());
        let visit = VisitId::derive(&device, &region, DeviceTime(created.0));
        Trigger {
            id: TriggerId::derive(&customer, &campaign, &region, &visit),
            customer,
            device,
            campaign,
            place: PlaceId::parse("p", "roost").unwrap(),
            decision: DecisionId::parse("d", "1").unwrap(),
            transition: Transition {
                kind: TransitionKind::Enter,
                region,
                visit,
                visit_start: DeviceTime(created.0),
                belated: false,
                happened: DeviceTime(created.0),
                decided: DeviceTime(created.0),
            },
            message: Message {
                title: "A latte?".into(),
                body: "Half price, \"just\" today ☕".into(),
                deep_link: Some("roost://latte".into()),
                data: BTreeMap::from([("offer".into(), "7".into())]),
                image: Some("https://roost.example/latte.png".into()),
                buttons: vec![Button {
                    id: ButtonId::parse("b", "map").unwrap(),
                    title: "Map".into(),
                    deep_link: Some("roost://map".into()),
                }],
                locale: Some(Locale::parse("l", "en").unwrap()),
                ..Message::default()
            },
            variant: None,
            fell_back: None,
            channels: vec![Channel::Push],
            created,
            expires: created + Millis::from_mins(1),
        }
    }

    /// A phone that can be pushed to.
    pub(crate) fn device() -> Device {
        Device {
            id: DeviceId::parse("d", "phone-1").unwrap(),
            platform: Platform::Ios,
            push_address: "very-secret-address".into(),
            locale: "nl-NL".into(),
            time_zone: None,
            app_version: None,
        }
    }

    #[test]
    fn a_parcel_holds_what_the_phone_shows_and_its_debug_form_nothing_private() {
        let trigger = trigger("ann", ServerTime(5));
        let parcel = compose(&trigger, &device());
        assert_eq!((&parcel.id, &parcel.title), (&trigger.id, &trigger.message.title));
        assert_eq!((&parcel.body, &parcel.deep_link), (&trigger.message.body, &trigger.message.deep_link));
        assert_eq!((&parcel.data, &parcel.region), (&trigger.message.data, &trigger.transition.region));
        assert_eq!((parcel.push_address.as_str(), parcel.locale.as_str()), ("very-secret-address", "nl-NL"));
        assert_eq!((parcel.created, parcel.expires), (trigger.created, trigger.expires));
        let shown = format!("{parcel:?}");
        assert!(
            shown.contains(trigger.id.as_str()) && !shown.contains("secret") && !shown.contains("ann"),
            "{shown}"
        );
    }
}
