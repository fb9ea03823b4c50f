//! How a message reaches a customer.

/// A way in which a message reaches a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// A push notification of the phone, whether or not the app is open.
    Push,
    /// A message within the app, for those who have it open.
    InApp,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 2] = [Self::Push, Self::InApp];

    /// The channel in a word: `in-app`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::InApp => "in-app",
        }
    }
}
