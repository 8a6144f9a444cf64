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
            Self::Scheduler => Ok(Config::scheduler()),
        }
    }

    /// The profile of a config.
    ///
    /// # Errors
    /// The profile is newer than this table.
    pub fn of(config: &Config<Id, SocketAddr>) -> Result<Self, String> {
        match config.profile() {
            Profile::Classic => Ok(Self::Classic),
            Profile::Balanced => Ok(Self::Balanced),
            Profile::Scheduler => Ok(Self::Scheduler),
            other => Err(format!("the trace format has no word for {other:?}: add it to trace/policy.rs")),
        }
    }
}
