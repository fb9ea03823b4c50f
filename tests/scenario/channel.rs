//! `event till purchase value=4.50 USD size=large of maya`, `trait tier=gold of maya` and `prefer news.push=out of maya`.

use super::script::Deed;
use super::setting::Setting;
use super::words::{Day, Read, Words, id, number, unknown};
use doorstep::files::{read_choice, read_scalar};
use doorstep::model::{
    Currency, CustomerId, Event, EventChannel, EventId, EventName, Money, PropertyName, ServerTime, TraitChange,
    TraitName,
};
use doorstep::qualify::EventRefusal;
use std::collections::BTreeMap;

/// Reads what follows `at TIME event`. An event whose line gives no id has one of its own.
pub(super) fn event(mut words: Words<'_>, at: i64, line: usize, day: &Day, setting: &Setting) -> Read<Deed> {
    let channel = match words.take("web, email, till or app")? {
        "web" => EventChannel::Web,
        "email" => EventChannel::Email,
        "till" => EventChannel::Till,
        "app" => EventChannel::App,
        other => return Err(unknown(other, "web, email, till and app")),
    };
    let name = id("event", words.take("the event's name")?, EventName::parse)?;
    let mut event = Event {
        id: id("id", &format!("line-{line}"), EventId::parse)?,
        name,
        at: ServerTime(at),
        channel,
        properties: BTreeMap::new(),
        worth: None,
    };
    while let Some(word) = words.peek().filter(|word| *word != "of") {
        words.any();
        let (key, value) = word.split_once('=').ok_or_else(|| format!("has {word:?}; must be such as size=large"))?;
        match key {
            "value" => {
                let currency = id("currency", words.take("a currency such as USD")?, Currency::parse)?;
                let units: f64 = number("value", value)?;
                event.worth = Some(Money::new("value", units, currency).map_err(|why| why.to_string())?);
            }
            "id" => event.id = id("id", value, EventId::parse)?,
            "happened" => event.at = ServerTime(day.moment(value)?),
            property => {
                event.properties.insert(id("property", property, PropertyName::parse)?, read_scalar(value));
            }
        }
    }
    Ok(Deed::Event(whose(&mut words, setting)?, event))
}

/// Reads what follows `at TIME trait`: `tier=gold`, `points+=5` or `tier` alone.
pub(super) fn of_trait(mut words: Words<'_>, setting: &Setting) -> Read<Deed> {
    let text = words.take("a trait such as tier=gold")?;
    let name = |name| id("trait", name, TraitName::parse);
    let change = match text.split_once('=') {
        None => TraitChange::Unset(name(text)?),
        Some((to, by)) => match to.strip_suffix('+') {
            Some(to) => TraitChange::Increment(name(to)?, number("trait", by)?),
            None => TraitChange::Set(name(to)?, read_scalar(by)),
        },
    };
    Ok(Deed::Trait(whose(&mut words, setting)?, change))
}

/// Reads what follows `at TIME prefer`: `offers=in news.push=out`.
pub(super) fn preferences(mut words: Words<'_>, setting: &Setting) -> Read<Deed> {
    let mut settings = Vec::new();
    while let Some(word) = words.peek().filter(|word| *word != "of") {
        words.any();
        settings.push(read_choice(word).map_err(|why| why.to_string())?);
    }
    Ok(Deed::Prefer(whose(&mut words, setting)?, settings))
}

/// Why an event was refused, in a scenario's words.
pub(super) fn refused(refusal: EventRefusal) -> String {
    match refusal {
        EventRefusal::FromTheFuture { ahead } => format!("refused: from the future ({ahead} ahead)"),
        EventRefusal::TooManyNames => "refused: too many names".to_owned(),
        EventRefusal::TooManyCurrencies => "refused: too many currencies".to_owned(),
    }
}

/// `of maya`, which may be left out where there is but one customer.
fn whose(words: &mut Words<'_>, setting: &Setting) -> Read<CustomerId> {
    if words.take_if("of") {
        let customer = super::script::customer(words, setting)?;
        words.end()?;
        return Ok(customer);
    }
    words.end()?;
    let mut known: Vec<&CustomerId> = setting.owners.values().collect();
    known.dedup();
    match known.as_slice() {
        [only] => Ok((*only).clone()),
        _ => Err("does not say whose; end it with of CUSTOMER".to_owned()),
    }
}
