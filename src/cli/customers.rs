//! `doorstep customers`.

use super::connect::connect;
use super::output;
use anyhow::{Context, bail};
use clap::Subcommand;
use doorstep::files::{Roster, read_customers};
use doorstep::model::{Customer, Invalid};
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
            Self::Delete { customer } => {
                let request = v1::DeleteCustomerRequest { name: output::full("customers", &customer) };
                CustomerServiceClient::new(connect(server).await?).delete_customer(request).await?;
                output::line(&format!("all that was known of {} is deleted", output::id(&customer)));
                Ok(())
            }
        }
    }
}

/// Creates a customer as in the file, or changes the topics of one who exists, and the consent only when told to: the
/// person may have answered otherwise since the file was written.
fn customer_request(customer: &Customer, consent: bool) -> v1::UpdateCustomerRequest {
    v1::UpdateCustomerRequest {
        customer: Some(customer.into()),
        update_mask: mask(if consent { "*" } else { "topics" }),
        allow_missing: true,
    }
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
            let consent = match customer.location_consent.as_ref().map(|consent| consent.granted) {
                Some(true) => "granted",
                Some(false) => "refused",
                None => "not asked",
            };
            rows.push([output::id(&customer.name).to_owned(), consent.to_owned(), customer.topics.join(" ")]);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_speaks_about_consent_of_those_who_exist_only_when_told_to() {
        let text = "customers:\n- id: maya\n  consent: { granted: true }\n  topics: [offers]\n";
        let rosters = read_customers(text, doorstep::model::ServerTime(7)).unwrap();
        for (consent, path) in [(false, "topics"), (true, "*")] {
            let request = customer_request(&rosters[0].customer, consent);
            assert_eq!(request.update_mask.unwrap().paths, [path]);
            assert!(request.allow_missing && request.customer.unwrap().location_consent.unwrap().granted);
        }
    }
}
