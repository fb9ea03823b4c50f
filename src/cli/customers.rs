//! `doorstep customers`.

use super::connect::connect;
use super::output;
use anyhow::Context;
use clap::Subcommand;
use doorstep::files::read_customers;
use doorstep::service::Clock;
use doorstep::wire::{customer, v1};
use std::path::PathBuf;
use v1::customer_service_client::CustomerServiceClient;

#[derive(Debug, Subcommand)]
pub(super) enum Customers {
    /// Add or replace the customers and devices of a YAML file.
    Apply {
        /// A YAML file with a list `customers`.
        #[arg(short, long)]
        file: PathBuf,
    },
    /// List customers.
    List {
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
            Self::Apply { file } => {
                let text =
                    std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
                let rosters =
                    read_customers(&text, Clock::System.now()).with_context(|| format!("in {}", file.display()))?;
                let mut client = CustomerServiceClient::new(connect(server).await?);
                let mask = || Some(prost_types::FieldMask { paths: vec!["*".to_owned()] });
                for roster in &rosters {
                    let id = &roster.customer.id;
                    let request = v1::UpdateCustomerRequest {
                        customer: Some((&roster.customer).into()),
                        update_mask: mask(),
                        allow_missing: true,
                    };
                    client.update_customer(request).await.with_context(|| format!("cannot apply customer {id}"))?;
                    for device in &roster.devices {
                        let request = v1::UpdateDeviceRequest {
                            device: Some(customer::device_message(id, device)),
                            update_mask: mask(),
                            allow_missing: true,
                        };
                        client
                            .update_device(request)
                            .await
                            .with_context(|| format!("cannot apply device {} of {id}", device.id))?;
                    }
                }
                output::line(&format!("{} customers applied", rosters.len()));
                Ok(())
            }
            Self::List { json } => list(server, json).await,
            Self::Delete { customer } => {
                let request = v1::DeleteCustomerRequest { name: format!("customers/{customer}") };
                CustomerServiceClient::new(connect(server).await?).delete_customer(request).await?;
                output::line(&format!("all that was known of {customer} is deleted"));
                Ok(())
            }
        }
    }
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
        output::table(["CUSTOMER", "LOCATION", "TOPICS"], &rows);
    }
    Ok(())
}
