//! Which provider a device is reached through.

use super::{Log, Provider};
use crate::model::{Device, Platform};
use std::fmt;
use std::sync::Arc;

/// The providers that there are. A device is reached through that of its platform, at its push address; where the
/// platform has none, or the device no address, through the one for all. Without any at all, through the log.
#[derive(Clone, Default)]
pub struct Routes {
    ios: Option<Arc<dyn Provider>>,
    android: Option<Arc<dyn Provider>>,
    web: Option<Arc<dyn Provider>>,
    all: Option<Arc<dyn Provider>>,
}

impl fmt::Debug for Routes {
    /// Names the providers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |provider: &Option<Arc<dyn Provider>>| provider.as_ref().map(|provider| provider.name());
        f.debug_struct("Routes")
            .field("ios", &name(&self.ios))
            .field("android", &name(&self.android))
            .field("web", &name(&self.web))
            .field("all", &name(&self.all))
            .finish()
    }
}

impl Routes {
    /// Everything through one provider.
    pub fn all(provider: Arc<dyn Provider>) -> Self {
        Self { all: Some(provider), ..Self::default() }
    }

    /// The same, with the devices of a platform that have a push address through another provider.
    #[must_use]
    pub fn with(mut self, platform: Platform, provider: Arc<dyn Provider>) -> Self {
        let slot = match platform {
            Platform::Ios => &mut self.ios,
            Platform::Android => &mut self.android,
            Platform::Web => &mut self.web,
        };
        *slot = Some(provider);
        self
    }

    /// The same, with the log for everything where there is no provider at all.
    #[must_use]
    pub fn or_log(self) -> Self {
        let none = [&self.ios, &self.android, &self.web, &self.all].iter().all(|provider| provider.is_none());
        if none { Self::all(Arc::new(Log)) } else { self }
    }

    /// How many denials in a row pause a lane: see [`Provider::denials`].
    pub(super) fn denials(&self, lane: &str) -> u32 {
        let mut providers = [&self.ios, &self.android, &self.web, &self.all].into_iter().flatten();
        let of = lane.split('/').next();
        providers.find(|provider| Some(provider.name()) == of).map_or(1, |provider| provider.denials())
    }

    /// The provider of a device, or why it can't be reached.
    pub fn route(&self, device: &Device) -> Result<&Arc<dyn Provider>, String> {
        let own = match device.platform {
            Platform::Ios => &self.ios,
            Platform::Android => &self.android,
            Platform::Web => &self.web,
        };
        match (own, &self.all) {
            (Some(own), _) if !device.push_address.is_empty() => Ok(own),
            (_, Some(all)) => Ok(all),
            (Some(_), None) => Err("the device has no push address".into()),
            (None, None) => Err(format!("no provider is set up for {}", device.platform.word())),
        }
    }
}

impl<P: Provider> From<Arc<P>> for Routes {
    /// Everything through one provider.
    fn from(provider: Arc<P>) -> Self {
        Self::all(provider)
    }
}

#[cfg(test)]
mod tests {
    use super::super::compose::tests::device;
    use super::super::{Answer, Answering, Parcel};
    use super::*;

    struct Named(&'static str);

    impl Provider for Named {
        fn name(&self) -> &'static str {
            self.0
        }
        fn deliver<'a>(&'a self, _: &'a Parcel) -> Answering<'a> {
            Box::pin(async { Answer::Refused { detail: String::new() } })
        }
    }

    #[test]
    fn a_device_goes_its_platforms_way_or_everybodys_or_none() {
        let named = |name| Arc::new(Named(name)) as Arc<dyn Provider>;
        let own = || Routes::default().with(Platform::Ios, named("apns")).with(Platform::Web, named("webpush"));
        let both = Routes { all: Some(named("webhook")), ..own() };
        let (ios, android, none) = (Platform::Ios, Platform::Android, "");
        for (routes, platform, address, expected) in [
            (&both, ios, "a", Ok("apns")),
            (&both, ios, none, Ok("webhook")),
            (&both, android, "a", Ok("webhook")),
            (&both, Platform::Web, "a", Ok("webpush")),
            (&own(), ios, none, Err("the device has no push address")),
            (&own(), android, "a", Err("no provider is set up for android")),
            (&Routes::default().or_log(), android, none, Ok("log")),
            (&own().or_log(), android, none, Err("no provider is set up for android")),
        ] {
            let device = Device { platform, push_address: address.into(), ..device() };
            let found = routes.route(&device).map(|provider| provider.name());
            assert_eq!(found.map_err(|why| why.clone()), expected.map_err(str::to_owned), "{platform:?} {address:?}");
        }
        let shown = "Routes { ios: Some(\"apns\"), android: None, web: Some(\"webpush\"), all: Some(\"webhook\") }";
        assert_eq!(format!("{both:?}"), shown);
    }
}
