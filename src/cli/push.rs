//! How `doorstep serve` reaches phones: which providers there are, and where their keys lie.

use anyhow::{Context, bail};
use doorstep::deliver::apns::{self, Signer};
use doorstep::deliver::fcm::{self, Account};
use doorstep::deliver::outgoing::{Options, Reach};
use doorstep::deliver::webpush::Vapid;
use doorstep::deliver::worker::Limits;
use doorstep::deliver::{Apns, Clock as DeliverClock, Fcm, Routes, Secrets, WebPush, Webhook};
use doorstep::model::Platform;
use doorstep::service::Clock;
use std::path::PathBuf;
use std::sync::Arc;

/// Where triggers go. A device is reached through the provider of its platform; where there is none, or the device has
/// no push address, through the webhook. Without any provider triggers are logged.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Delivery")]
pub(super) struct Delivery {
    /// Deliver to this webhook, signed by the Standard Webhooks specification.
    #[arg(long, env = "DOORSTEP_WEBHOOK_URL", value_name = "URL", requires = "webhook_secret_file")]
    webhook_url: Option<String>,

    /// A file that holds the webhook's signing secret, `whsec_` and base64 of 24 to 64 random bytes. While it is being
    /// replaced: the new one, and the old one on the next line.
    #[arg(long, env = "DOORSTEP_WEBHOOK_SECRET_FILE", value_name = "FILE")]
    webhook_secret_file: Option<PathBuf>,

    /// Allow plain http to a webhook that is not on this machine.
    #[arg(long)]
    allow_http_webhook: bool,

    /// Allow a webhook whose host is, or resolves to, a private or otherwise special address. One that names this
    /// machine is allowed anyway.
    #[arg(long, env = "DOORSTEP_ALLOW_PRIVATE_WEBHOOK")]
    allow_private_webhook: bool,

    /// Deliver to Android through Firebase Cloud Messaging, with the service account in this JSON file.
    #[arg(long, env = "DOORSTEP_FCM_ACCOUNT_FILE", value_name = "FILE")]
    fcm_account_file: Option<PathBuf>,

    /// Where FCM is.
    #[arg(long, env = "DOORSTEP_FCM_ADDRESS", default_value = fcm::ADDRESS, value_name = "URL")]
    fcm_address: String,

    /// Deliver to iOS through the Apple Push Notification service, with the key in this .p8 file.
    #[arg(long, env = "DOORSTEP_APNS_KEY_FILE", value_name = "FILE", requires_all = ["apns_key_id", "apns_team_id", "apns_topic"])]
    apns_key_file: Option<PathBuf>,

    /// The id of that key, as Apple shows it.
    #[arg(long, env = "DOORSTEP_APNS_KEY_ID", value_name = "ID")]
    apns_key_id: Option<String>,

    /// The id of your team, as Apple shows it.
    #[arg(long, env = "DOORSTEP_APNS_TEAM_ID", value_name = "ID")]
    apns_team_id: Option<String>,

    /// The app's bundle id.
    #[arg(long, env = "DOORSTEP_APNS_TOPIC", value_name = "BUNDLE")]
    apns_topic: Option<String>,

    /// Where APNs is; for apps that Xcode installs <https://api.sandbox.push.apple.com>.
    #[arg(long, env = "DOORSTEP_APNS_ADDRESS", default_value = apns::ADDRESS, value_name = "URL")]
    apns_address: String,

    /// Deliver to browsers through Web Push, with the VAPID key in this file: PEM of PKCS #8, or the JSON that
    /// `web-push generate-vapid-keys --json` prints.
    #[arg(long, env = "DOORSTEP_WEB_PUSH_KEY_FILE", value_name = "FILE", requires = "web_push_subject")]
    web_push_key_file: Option<PathBuf>,

    /// A contact for the push services: mailto:… or https://….
    #[arg(long, env = "DOORSTEP_WEB_PUSH_SUBJECT", value_name = "URL")]
    web_push_subject: Option<String>,

    /// For tests: allow browsers' endpoints that are http, or on private or otherwise special addresses.
    #[arg(long)]
    allow_private_web_push: bool,

    /// Most attempts at the same time, at each provider.
    #[arg(long = "push-at-once", env = "DOORSTEP_PUSH_AT_ONCE", default_value_t = Limits::default().in_flight, value_name = "NUMBER")]
    at_once: usize,

    /// Most attempts a second, at each provider.
    #[arg(long = "push-rate", env = "DOORSTEP_PUSH_RATE", default_value_t = Limits::default().per_second, value_name = "NUMBER")]
    rate: u32,
}

impl Delivery {
    /// The providers, each checked as far as that is possible without calling it.
    pub(super) fn routes(&self) -> anyhow::Result<Routes> {
        // Signatures are of the present, whatever time the pings tell.
        let clock: DeliverClock = Arc::new(|| Clock::System.now());
        let mut routes = Routes::default();
        if let Some(webhook) = self.webhook(&clock)? {
            routes = Routes::all(Arc::new(webhook));
        }
        if let Some(file) = &self.fcm_account_file {
            let fcm = Fcm::new(&self.fcm_address, Account::read(file)?, Arc::clone(&clock))?;
            routes = routes.with(Platform::Android, Arc::new(fcm));
        }
        if let Some(apns) = self.apns(&clock)? {
            routes = routes.with(Platform::Ios, Arc::new(apns));
        }
        if let Some(file) = &self.web_push_key_file {
            let vapid = Vapid::read(file, given("--web-push-subject", self.web_push_subject.as_deref())?)?;
            tracing::info!(public_key = vapid.public(), "pages subscribe to Web Push with this applicationServerKey");
            let mut options = Options::default();
            if self.allow_private_web_push {
                tracing::warn!("Web Push goes wherever a device's endpoint leads: for tests only");
                (options.reach, options.plain_http) = (Reach::Anywhere, true);
            }
            routes = routes.with(Platform::Web, Arc::new(WebPush::new(vapid, options, clock)?));
        }
        Ok(routes.or_log())
    }

    /// How much is delivered at a time.
    pub(super) fn limits(&self) -> Limits {
        Limits { in_flight: self.at_once, per_second: self.rate, ..Limits::default() }
    }

    fn webhook(&self, clock: &DeliverClock) -> anyhow::Result<Option<Webhook>> {
        let (Some(url), Some(file)) = (&self.webhook_url, &self.webhook_secret_file) else {
            if self.webhook_secret_file.is_some() {
                bail!("--webhook-secret-file is given without --webhook-url");
            }
            return Ok(None);
        };
        let mut options = Options { plain_http: self.allow_http_webhook, ..Options::for_operator(url) };
        if self.allow_private_webhook {
            options.reach = Reach::Anywhere;
        }
        Ok(Some(Webhook::new(url, Secrets::read(file)?, options, Arc::clone(clock))?))
    }

    fn apns(&self, clock: &DeliverClock) -> anyhow::Result<Option<Apns>> {
        let Some(file) = &self.apns_key_file else { return Ok(None) };
        let key_id = given("--apns-key-id", self.apns_key_id.as_deref())?;
        let team = given("--apns-team-id", self.apns_team_id.as_deref())?;
        let topic = given("--apns-topic", self.apns_topic.as_deref())?;
        let signer = Signer::read(file, key_id, team)?;
        Ok(Some(Apns::new(&self.apns_address, topic, signer, Arc::clone(clock))?))
    }
}

fn given<'a>(option: &str, value: Option<&'a str>) -> anyhow::Result<&'a str> {
    value.with_context(|| format!("{option} is missing"))
}
