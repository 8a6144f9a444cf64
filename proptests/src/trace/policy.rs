//! The profiles as traces spell them, and the config that each begins with.

use core::net::SocketAddr;

use dialstate::{Config, Profile};
use serde::{Deserialize, Serialize};

use super::Id;

/// Which policy plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// `Config::classic`.
    Classic,
    /// `Config::balanced`.
    Balanced,
    /// `Config::scheduler`.
    Scheduler,
}

impl Policy {
    /// The default config of the profile.
    ///
    /// # Errors
    /// The dialer doesn't have the profile.
    pub fn config(self) -> Result<Config<Id, SocketAddr>, String> {
        match self {
            Self::Classic => Ok(Config::classic()),
            Self::Balanced => Ok(Config::balanced()),
            Self::Scheduler => scheduler_config(),
        }
    }

    /// The profile of a config.
    ///
    /// # Errors
    /// The profile is newer than this table.
    pub fn of(config: &Config<Id, SocketAddr>) -> Result<Self, String> {
        match config.profile {
            Profile::Classic => Ok(Self::Classic),
            Profile::Balanced => Ok(Self::Balanced),
            other => Err(format!("the trace format has no word for {other:?}: add it to trace/policy.rs")),
        }
    }
}

// TEMPORARY, until `Config::scheduler` is there: then `Ok(Config::scheduler())` takes the place of the call above,
// `Policy::of` gets a line for `Profile::Scheduler`, and these two functions go, with the questions for the second.
fn scheduler_config() -> Result<Config<Id, SocketAddr>, String> {
    Err("the dialer has no scheduler profile".to_owned())
}

/// Whether the dialer has the scheduler profile.
#[must_use]
pub fn has_scheduler() -> bool {
    scheduler_config().is_ok()
}
