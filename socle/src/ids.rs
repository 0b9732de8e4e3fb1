//! Typed identifiers: a treatment's id is never taken for a device's.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A new UUID v7 for `now`: sortable by time, random in the rest.
#[must_use]
pub fn fresh(now: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, now.timestamp_subsec_nanos()))
}

/// Declares a typed id over [`Uuid`]: `typed_id!(DeviceId, "a thermometer");`
#[macro_export]
macro_rules! typed_id {
    ($name:ident, $what:literal) => {
        #[doc = concat!("The identifier of ", $what, " (UUID v7).")]
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, sqlx::Type,
        )]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub uuid::Uuid);

        impl $name {
            /// A new id for the instant `now`.
            #[must_use]
            pub fn fresh(now: chrono::DateTime<chrono::Utc>) -> Self {
                Self($crate::ids::fresh(now))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

typed_id!(TenantId, "a tenant: a licence, a company, a client");
typed_id!(AccountId, "an account");
typed_id!(SessionId, "a browser session");
