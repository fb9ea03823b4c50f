//! What happened to a customer on the web, by email, at the till or in the app; and what is known of the person.

use super::ids::{EventId, EventName, PropertyName, TraitName};
use super::invalid::Invalid;
use super::time::ServerTime;
use std::collections::BTreeMap;
use std::fmt;

/// Most properties of one event.
pub const PROPERTIES_MAX: usize = 8;
/// The longest text of a property or trait, in characters.
pub const TEXT_MAX: usize = 100;
/// Most traits of one customer.
pub const TRAITS_MAX: usize = 50;
/// The largest value of one event, either way, in units of its currency.
pub const WORTH_MAX: f64 = 1_000_000_000.0;

/// One thing that a customer did, or that happened to a customer, as a channel reports it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its id, by which a resend is known: unique within the customer.
    pub id: EventId,
    /// What happened, such as `purchase`.
    pub name: EventName,
    /// When, by the clock of the channel, which is a server's.
    pub at: ServerTime,
    /// Where.
    pub channel: EventChannel,
    /// What else is to be said of it; at most [`PROPERTIES_MAX`].
    pub properties: BTreeMap<PropertyName, Scalar>,
    /// What it was worth; less than nothing for a return.
    pub worth: Option<Money>,
}

/// Where an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventChannel {
    /// A web site.
    Web,
    /// An email.
    Email,
    /// A till in a store.
    Till,
    /// The app.
    App,
}

impl EventChannel {
    /// The channel in a word: `till`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Email => "email",
            Self::Till => "till",
            Self::App => "app",
        }
    }
}

/// The value of a property or trait.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// At most [`TEXT_MAX`] characters.
    Text(String),
    /// A finite number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
}

// A number is finite, and so equal to itself.
impl Eq for Scalar {}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// An amount of one currency. Whole millionths, so that a sum does not depend on the order in which it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    /// Millionths of the currency's unit.
    pub micros: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    const PER_UNIT: f64 = 1_000_000.0;

    /// An amount in units, rounded to the nearest millionth; fails beyond [`WORTH_MAX`].
    pub fn new(field: &str, units: f64, currency: Currency) -> Result<Self, Invalid> {
        super::invalid::in_range(field, units, -WORTH_MAX, WORTH_MAX, "units of the currency")?;
        #[expect(clippy::cast_possible_truncation, reason = "checked just above")]
        Ok(Self { micros: (units * Self::PER_UNIT).round() as i64, currency })
    }

    /// The amount in units.
    pub fn units(self) -> f64 {
        self.micros as f64 / Self::PER_UNIT
    }
}

impl fmt::Display for Money {
    /// `4.50 USD`: two decimals, or more where there are more.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.micros % 10_000 == 0 {
            write!(f, "{:.2} {}", self.units(), self.currency)
        } else {
            write!(f, "{} {}", self.units(), self.currency)
        }
    }
}

/// A currency by its alphabetic code (ISO 4217), such as `USD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Parses three capital letters. Whether ISO 4217 assigns the code is not asked: that list changes every year.
    pub fn parse(field: &str, code: &str) -> Result<Self, Invalid> {
        <[u8; 3]>::try_from(code.as_bytes())
            .ok()
            .filter(|letters| letters.iter().all(u8::is_ascii_uppercase))
            .map(Self)
            .ok_or_else(|| {
                let shown: String = code.chars().take(20).collect();
                Invalid::new(field, format!("is {shown:?}; must be a code of ISO 4217 such as USD"))
            })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

/// A change of one trait.
#[derive(Debug, Clone, PartialEq)]
pub enum TraitChange {
    /// Sets it, whatever it was.
    Set(TraitName, Scalar),
    /// Takes it away; nothing happens where there is none.
    Unset(TraitName),
    /// Adds to a number; one that is not there counts as 0.
    Increment(TraitName, f64),
}

/// What is known of a person, by name; at most [`TRAITS_MAX`].
pub type Traits = BTreeMap<TraitName, Scalar>;

/// Makes all of the changes in their order, or none: fails, naming the change, where a trait to add to is no number, a
/// sum is none, or there would be too many traits.
pub fn change_traits(traits: &mut Traits, changes: &[TraitChange]) -> Result<(), Invalid> {
    let mut changed = traits.clone();
    for (index, change) in changes.iter().enumerate() {
        match change {
            TraitChange::Set(name, value) => drop(changed.insert(name.clone(), value.clone())),
            TraitChange::Unset(name) => drop(changed.remove(name)),
            TraitChange::Increment(name, by) => {
                let sum = match changed.get(name) {
                    None => *by,
                    Some(Scalar::Number(number)) => number + by,
                    Some(other @ (Scalar::Text(_) | Scalar::Flag(_))) => {
                        let problem = format!("adds to {name}, which is {other}; must be a number");
                        return Err(Invalid::new("increment", problem).at("changes", index));
                    }
                };
                if !sum.is_finite() {
                    let problem = format!("makes {name} larger than a number can be");
                    return Err(Invalid::new("increment", problem).at("changes", index));
                }
                changed.insert(name.clone(), Scalar::Number(sum));
            }
        }
    }
    if changed.len() > TRAITS_MAX {
        let problem = format!("would make {} traits; at most {TRAITS_MAX} are kept", changed.len());
        return Err(Invalid::new("changes", problem));
    }
    *traits = changed;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> TraitName {
        TraitName::parse("trait", name).unwrap()
    }

    #[test]
    fn traits_change_all_or_none() {
        let number = Scalar::Number;
        let mut traits = Traits::from([(name("points"), number(40.0)), (name("tier"), Scalar::Text("gold".into()))]);
        let changes = [
            TraitChange::Increment(name("points"), 2.5),
            TraitChange::Increment(name("visits"), 1.0),
            TraitChange::Unset(name("tier")),
            TraitChange::Unset(name("never")),
            TraitChange::Set(name("vip"), Scalar::Flag(true)),
        ];
        change_traits(&mut traits, &changes).unwrap();
        let expected =
            [(name("points"), number(42.5)), (name("visits"), number(1.0)), (name("vip"), Scalar::Flag(true))];
        assert_eq!(traits, Traits::from(expected));

        let before = traits.clone();
        let many: Vec<_> = (0..50).map(|n| TraitChange::Set(name(&format!("t{n}")), Scalar::Flag(false))).collect();
        let set = TraitChange::Set(name("points"), number(0.0));
        for (changes, problem) in [
            (vec![set.clone(), TraitChange::Increment(name("vip"), 1.0)], "changes[1].increment adds to vip"),
            (
                vec![TraitChange::Set(name("x"), number(f64::MAX)), TraitChange::Increment(name("x"), f64::MAX)],
                "changes[1].increment makes x larger",
            ),
            (many, "changes would make 53 traits; at most 50 are kept"),
        ] {
            let refusal = change_traits(&mut traits, &changes).unwrap_err().to_string();
            assert!(refusal.starts_with(problem), "{refusal}");
            assert_eq!(traits, before);
        }
    }

    #[test]
    fn money_is_exact_to_a_millionth() {
        let usd = Currency::parse("currency", "USD").unwrap();
        for (units, micros, words) in [
            (4.5, 4_500_000, "4.50 USD"),
            (-0.1, -100_000, "-0.10 USD"),
            (0.000_001, 1, "0.000001 USD"),
            (1e9, 1_000_000_000_000_000, "1000000000.00 USD"),
        ] {
            let money = Money::new("value", units, usd).unwrap();
            assert_eq!((money.micros, money.to_string().as_str()), (micros, words));
        }
        assert!(Money::new("value", 1.1e9, usd).is_err());
        for bad in ["", "usd", "US", "USDT", "€"] {
            assert!(Currency::parse("currency", bad).is_err(), "{bad}");
        }
    }
}
