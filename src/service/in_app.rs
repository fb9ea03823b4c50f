//! What an app is told on its stream.

use crate::deliver::{Notice, Parcel};
use crate::model::Message;
use crate::wire::{name, v1};
use v1::stream_pings_response::Message as Told;

/// A notice as it goes down the stream.
pub(super) fn message(notice: Notice) -> Told {
    match notice {
        Notice::Offer(parcel) => Told::InApp(Box::new(offer(*parcel))),
        Notice::Withdraw(trigger) => Told::Withdrawn(v1::Withdrawal { trigger: trigger.to_string() }),
    }
}

fn offer(parcel: Parcel) -> v1::InAppMessage {
    let message = Message {
        title: parcel.title,
        body: parcel.body,
        deep_link: parcel.deep_link,
        data: parcel.data,
        image: parcel.image,
        buttons: parcel.buttons,
        locale: parcel.language,
        ..Message::default()
    };
    v1::InAppMessage {
        trigger: parcel.id.to_string(),
        campaign: name::campaign_name(&parcel.campaign),
        region: name::region_name(&parcel.region),
        place: name::place_name(&parcel.place),
        transition: v1::TransitionKind::from(parcel.on).into(),
        message: Some((&message).into()),
        create_time: Some(parcel.created.into()),
        expire_time: Some(parcel.expires.into()),
    }
}
