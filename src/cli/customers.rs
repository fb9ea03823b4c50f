//! `doorstep customers`.

use super::connect::connect;
use super::{output, preferences};
use anyhow::{Context, bail};
use clap::Subcommand;
use doorstep::files::{Roster, read_choice, read_customers, read_scalar};
use doorstep::model::{Customer, Invalid, PreferenceSetting};
use doorstep::service::Clock;
use doorstep::wire::{customer, v1};
use std::path::PathBuf;
use tonic::{Code, transport::Channel};
use v1::customer_service_client::CustomerServiceClient;

#[derive(Debug, Subcommand)]
pub(super) enum Customers {
    /// Add the customers and devices of a YAML file, or replace them. The consent of a customer who exists already
    /// stays as the person last answered, whatever the file says.
    Apply {
        /// A YAML file with a list `customers`.
        #[arg(short, long)]
        file: PathBuf,
        /// Let the file's consent count for customers who exist already, too, as an answer given now; a customer
        /// without one in the file withdraws.
        #[arg(long)]
        consent: bool,
    },
    /// List customers.
    List {
        /// One line of JSON for each.
        #[arg(long)]
        json: bool,
    },
    /// Show all that is registered of a customer and the customer's devices, as JSON.
    Show {
        /// The customer's id.
        customer: String,
    },
    /// Set a trait of a customer, take it away, or add to it.
    SetTrait {
        /// The customer's id.
        customer: String,
        /// `tier=gold`, `vip=true`, `points+=10`, `points-=10`, or `tier` alone to take it away.
        #[arg(required = true)]
        traits: Vec<String>,
    },
    /// Set what a customer wants to hear of, topic by topic and channel by channel.
    Prefer {
        /// The customer's id.
        customer: String,
        /// `offers=in`, `news=out`, `news.push=out`, `news.in-app=in`, or `offers=default` to take a choice back.
        #[arg(required = true)]
        choices: Vec<String>,
        /// Where the customer said so.
        #[arg(long, default_value = "command line")]
        source: String,
    },
    /// Let a customer hear nothing at all any more, but for what is transactional.
    Stop {
        /// The customer's id.
        customer: String,
        /// Where the customer said so.
        #[arg(long, default_value = "command line")]
        source: String,
    },
    /// Let a customer who stopped everything hear of the topics again that they want.
    Resume {
        /// The customer's id.
        customer: String,
        /// Where the customer said so.
        #[arg(long, default_value = "command line")]
        source: String,
    },
    /// Show how a customer's consent and preferences were changed, the latest first.
    Changes {
        /// The customer's id.
        customer: String,
        /// One line of JSON for each.
        #[arg(long)]
        json: bool,
    },
    /// Delete all that is known of a customer.
    Delete {
        /// The customer's id.
        customer: String,
    },
}

impl Customers {
    pub(super) async fn run(self, server: &str) -> anyhow::Result<()> {
        match self {
            Self::Apply { file, consent } => {
                let text =
                    std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
                let rosters =
                    read_customers(&text, Clock::System.now()).with_context(|| format!("in {}", file.display()))?;
                check(&rosters).with_context(|| format!("in {}, nothing was applied", file.display()))?;
                let mut client = CustomerServiceClient::new(connect(server).await?);
                for roster in &rosters {
                    let id = &roster.customer.id;
                    let request = customer_request(&roster.customer, consent);
                    client.update_customer(request).await.with_context(|| format!("cannot apply customer {id}"))?;
                    for device in &roster.devices {
                        let request = v1::UpdateDeviceRequest {
                            device: Some(customer::device_message(id, device)),
                            update_mask: mask("*"),
                            allow_missing: true,
                        };
                        client
                            .update_device(request)
                            .await
                            .with_context(|| format!("cannot apply device {} of {id}", device.id))?;
                    }
                }
                output::line(&format!("{} applied", output::count(rosters.len(), "customer")));
                Ok(())
            }
            Self::List { json } => list(server, json).await,
            Self::Show { customer } => {
                let mut client = CustomerServiceClient::new(connect(server).await?);
                let known = get(&mut client, &customer).await?;
                output::pretty("Customer", &known)?;
                devices(&mut client, &known.name)
                    .await?
                    .iter()
                    .try_for_each(|device| output::pretty("Device", device))
            }
            Self::SetTrait { customer, traits } => {
                let request = v1::ChangeTraitsRequest {
                    name: output::full("customers", &customer),
                    changes: traits.iter().map(|text| trait_change(text)).collect::<anyhow::Result<_>>()?,
                    ..Default::default()
                };
                CustomerServiceClient::new(connect(server).await?).change_traits(request).await?;
                output::line(&format!(
                    "{} of {} changed",
                    output::count(traits.len(), "trait"),
                    output::id(&customer)
                ));
                Ok(())
            }
            Self::Prefer { customer, choices, source } => {
                let settings = choices.iter().map(|text| read_choice(text)).collect::<Result<Vec<_>, _>>()?;
                preferences::set(server, &customer, &settings, source).await?;
                let count = output::count(settings.len(), "choice");
                output::line(&format!("{count} of {} set", output::id(&customer)));
                Ok(())
            }
            Self::Stop { customer, source } => {
                preferences::set(server, &customer, &[PreferenceSetting::Stopped(true)], source).await?;
                output::line(&format!("{} hears nothing but what is transactional", output::id(&customer)));
                Ok(())
            }
            Self::Resume { customer, source } => {
                preferences::set(server, &customer, &[PreferenceSetting::Stopped(false)], source).await?;
                output::line(&format!("{} hears of topics again", output::id(&customer)));
                Ok(())
            }
            Self::Changes { customer, json } => preferences::changes(server, &customer, json).await,
            Self::Delete { customer } => {
                let request = v1::DeleteCustomerRequest { name: output::full("customers", &customer) };
                CustomerServiceClient::new(connect(server).await?).delete_customer(request).await?;
                output::line(&format!("all that was known of {} is deleted", output::id(&customer)));
                Ok(())
            }
        }
    }
}

/// Creates a customer as in the file, or changes the choices about topics of one who exists, the traits only where the file has
/// some, and the consent only when told to: the person may have answered otherwise since the file was written.
fn customer_request(customer: &Customer, consent: bool) -> v1::UpdateCustomerRequest {
    let traits = (!customer.traits.is_empty()).then_some("traits");
    // A file that says nothing of a stop does not end it.
    let stopped = customer.stopped.then_some("stopped");
    let paths = ["topics", "topic_choices"].into_iter().chain(stopped).chain(traits);
    let paths = paths.chain(consent.then_some("location_consent"));
    v1::UpdateCustomerRequest {
        customer: Some(customer.into()),
        update_mask: Some(prost_types::FieldMask { paths: paths.map(str::to_owned).collect() }),
        allow_missing: true,
    }
}

/// `tier=gold`, `points+=10`, `points-=10` or `tier`.
fn trait_change(text: &str) -> anyhow::Result<v1::TraitChange> {
    use v1::trait_change::Change;
    let number = |text: &str| text.parse::<f64>().with_context(|| format!("{text:?} is no number"));
    let (name, change) = match text.split_once('=') {
        None => (text, Change::Unset(true)),
        Some((name, value)) => match (name.strip_suffix('+'), name.strip_suffix('-')) {
            (Some(name), _) => (name, Change::Increment(number(value)?)),
            (None, Some(name)) => (name, Change::Increment(-number(value)?)),
            (None, None) => (name, Change::Set((&read_scalar(value)).into())),
        },
    };
    Ok(v1::TraitChange { trait_name: name.to_owned(), change: Some(change) })
}

#[expect(clippy::unnecessary_wraps, reason = "fields of messages are optional")]
fn mask(path: &str) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: vec![path.to_owned()] })
}

/// The customer, or that there is none.
pub(super) async fn get(client: &mut CustomerServiceClient<Channel>, customer: &str) -> anyhow::Result<v1::Customer> {
    let request = v1::GetCustomerRequest { name: output::full("customers", customer) };
    match client.get_customer(request).await {
        Ok(answer) => Ok(answer.into_inner().customer.unwrap_or_default()),
        Err(status) if status.code() == Code::NotFound => bail!("there is no customer {}", output::id(customer)),
        Err(status) => Err(status.into()),
    }
}

/// The devices of a customer, given by its full name. A customer's devices fit one page.
pub(super) async fn devices(
    client: &mut CustomerServiceClient<Channel>,
    customer: &str,
) -> anyhow::Result<Vec<v1::Device>> {
    let page = Some(v1::Page { size: 1_000, ..Default::default() });
    let request = v1::ListDevicesRequest { parent: customer.to_owned(), page };
    Ok(client.list_devices(request).await?.into_inner().devices)
}

/// Checks what the server would refuse.
fn check(rosters: &[Roster]) -> Result<(), Invalid> {
    for (index, Roster { customer: person, devices }) in rosters.iter().enumerate() {
        customer::customer(person.into(), Clock::System.now()).map_err(|why| why.at("customers", index))?;
        for (number, device) in devices.iter().enumerate() {
            customer::device(&customer::device_message(&person.id, device))
                .map_err(|why| why.at("devices", number).at("customers", index))?;
        }
    }
    Ok(())
}

async fn list(server: &str, json: bool) -> anyhow::Result<()> {
    let mut client = CustomerServiceClient::new(connect(server).await?);
    let mut rows = Vec::new();
    let mut token = String::new();
    loop {
        let page = Some(v1::Page { size: 1_000, token });
        let answer = client.list_customers(v1::ListCustomersRequest { page }).await?.into_inner();
        for customer in &answer.customers {
            if json {
                output::json("Customer", customer)?;
            }
            let consent = match customer.location_consent.as_ref() {
                Some(consent) if expired(consent) => "expired",
                Some(consent) if consent.granted => "granted",
                Some(_) => "refused",
                None => "not asked",
            };
            let topics = if customer.stopped { "stopped".to_owned() } else { wanted(customer).join(" ") };
            rows.push([output::id(&customer.name).to_owned(), consent.to_owned(), topics]);
        }
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    if !json {
        output::list("customers", ["CUSTOMER", "LOCATION", "TOPICS"], &rows);
    }
    Ok(())
}

/// Whether a consent was granted, and has expired by now.
pub(super) fn expired(consent: &v1::LocationConsent) -> bool {
    let now = prost_types::Timestamp::from(Clock::System.now());
    consent.granted && consent.expire_time.is_some_and(|at| (at.seconds, at.nanos) <= (now.seconds, now.nanos))
}

/// The topics that were opted in to, and other choices as `news=out` or `deals.push=in`.
fn wanted(customer: &v1::Customer) -> Vec<String> {
    let mut told = customer.topics.clone();
    for own in &customer.topic_choices {
        let word = |choice: v1::Choice| match choice {
            v1::Choice::Unspecified => None,
            v1::Choice::OptIn => Some("in"),
            v1::Choice::OptOut => Some("out"),
        };
        match (word(own.push()), word(own.in_app())) {
            (Some(push), Some(in_app)) if push == in_app => told.push(format!("{}={push}", own.topic)),
            (push, in_app) => {
                told.extend(push.map(|word| format!("{}.push={word}", own.topic)));
                told.extend(in_app.map(|word| format!("{}.in-app={word}", own.topic)));
            }
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use v1::scalar::Kind;
    use v1::trait_change::Change;

    #[test]
    fn a_trait_is_set_added_to_or_taken_away() {
        let set = |kind| Change::Set(v1::Scalar { kind: Some(kind) });
        for (text, name, change) in [
            ("tier=gold", "tier", set(Kind::Text("gold".into()))),
            ("vip=true", "vip", set(Kind::Flag(true))),
            ("note=a=b", "note", set(Kind::Text("a=b".into()))),
            ("points+=10", "points", Change::Increment(10.0)),
            ("points-=2.5", "points", Change::Increment(-2.5)),
            ("tier", "tier", Change::Unset(true)),
        ] {
            let expected = v1::TraitChange { trait_name: name.into(), change: Some(change) };
            assert_eq!(trait_change(text).unwrap(), expected);
        }
        assert!(trait_change("points+=many").is_err());
    }

    #[test]
    fn a_file_speaks_about_consent_of_those_who_exist_only_when_told_to() {
        let text = "customers:\n- id: maya\n  consent: { granted: true }\n  topics: [offers]\n";
        let rosters = read_customers(text, doorstep::model::ServerTime(7)).unwrap();
        for (consent, paths) in
            [(false, &["topics", "topic_choices"][..]), (true, &["topics", "topic_choices", "location_consent"])]
        {
            let request = customer_request(&rosters[0].customer, consent);
            assert_eq!(request.update_mask.unwrap().paths, paths);
            assert!(request.allow_missing && request.customer.unwrap().location_consent.unwrap().granted);
        }
    }
}
