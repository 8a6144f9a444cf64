//! Errors: one variant per mistake, with the details needed to correct it.

use core::fmt;
use core::time::Duration;

use crate::command::{DialId, Task};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// Why an event was refused: the error of [`Dialer::handle`](crate::Dialer::handle). The state is unchanged, except for the clock and the statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventError {
    /// `now` is above [`Timestamp::MAX_NOW`]. The clock is unchanged, too.
    TimeOutOfRange {
        /// The `now` of the event.
        now: Timestamp,
    },
    /// This dialer never issued the task: the token belongs to another dialer, or to an earlier run.
    UnknownTask(Task),
    /// The task has ended already: it was answered or cancelled, or its deadline has passed. Harmless.
    EndedTask(Task),
    /// A `DialFinished` says that the dial has connected, but its node is not connected, and was not at any time since the
    /// dial began. Send `DialConnected` instead, or the `PeerAdded` first. The dial is still open.
    NotConnected(DialId),
    /// A collection is full. Raise its cap in [`Limits`](crate::Limits), or remove entries.
    Full {
        /// The collection.
        what: Collection,
        /// Its cap.
        cap: u32,
    },
    /// A rule excludes the node of an `Event::DialRequested`.
    NotDialable(Refusal),
    /// The node of an `Event::StaticAdded` or `Event::PeerAdded` has the dialer's own id.
    OwnId,
    /// The config would be invalid after the change. It is unchanged.
    InvalidChange(ConfigError),
}

/// A collection with a cap: what [`EventError::Full`] names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Collection {
    /// Static nodes; capped by `Limits::statics`.
    Statics,
    /// Banned ids; capped by `Limits::banned_ids`.
    BannedIds,
    /// Banned networks; capped by `Limits::banned_networks`.
    BannedNetworks,
    /// Requested dials; capped by `Limits::requested`.
    Requested,
}

impl Collection {
    /// The path of its cap within `Config`.
    const fn limit(self) -> &'static str {
        match self {
            Self::Statics => "limits.statics",
            Self::BannedIds => "limits.banned_ids",
            Self::BannedNetworks => "limits.banned_networks",
            Self::Requested => "limits.requested",
        }
    }
}

impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Statics => "static nodes",
            Self::BannedIds => "banned ids",
            Self::BannedNetworks => "banned networks",
            Self::Requested => "requested dials",
        })
    }
}

impl EventError {
    /// Whether it is the harmless one: the answer came too late. (If it was a `DialConnected`, close the connection.)
    /// Every other error says that something is wrong with the driver, or with what an operator asked for.
    #[must_use]
    pub const fn is_late(&self) -> bool {
        matches!(self, Self::EndedTask(_))
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimeOutOfRange { now } => {
                write!(
                    f,
                    "now is {} ns, but must be at most 2^63 - 1 ns: count it from the start of the program",
                    now.as_nanos()
                )
            }
            Self::UnknownTask(task) => {
                write!(f, "{task} was never issued by this dialer: answer with the token of its command")
            }
            Self::EndedTask(task) => {
                write!(f, "{task} has already ended: it was answered, cancelled or overdue")
            }
            Self::NotConnected(dial) => {
                write!(
                    f,
                    "dial {dial} can't have connected: its node is no peer. Send DialConnected instead of DialFinished, or \
                     PeerAdded before it"
                )
            }
            Self::Full { what, cap } => {
                let limit = what.limit();
                write!(f, "there are {cap} {what}, the most that {limit} allows: raise it or remove some")
            }
            Self::NotDialable(refusal) => write!(f, "the requested node can't be dialed: {refusal}"),
            Self::OwnId => f.write_str("the node has this dialer's own id: leave it out"),
            Self::InvalidChange(error) => write!(f, "the change is refused: {error}"),
        }
    }
}

impl core::error::Error for EventError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::InvalidChange(error) => Some(error),
            Self::TimeOutOfRange { .. }
            | Self::UnknownTask(_)
            | Self::EndedTask(_)
            | Self::NotConnected(_)
            | Self::Full { .. }
            | Self::NotDialable(_)
            | Self::OwnId => None,
        }
    }
}

/// Why a config is invalid: the error of [`Dialer::new`](crate::Dialer::new) and [`Config::validate`](crate::Config::validate).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A number is out of its range.
    OutOfRange {
        /// The path of the field within `Config`, `pace.burst` for example.
        field: &'static str,
        /// The smallest value allowed.
        least: u64,
        /// The largest value allowed.
        most: u64,
        /// The value of the field.
        given: u64,
    },
    /// A duration is out of its range.
    DurationOutOfRange {
        /// The path of the field within `Config`, `backoff.short` for example.
        field: &'static str,
        /// The shortest duration allowed.
        least: Duration,
        /// The longest duration allowed.
        most: Duration,
        /// The value of the field.
        given: Duration,
    },
    /// A value exceeds another one that bounds it.
    Above {
        /// The field that is too large.
        field: &'static str,
        /// The field that bounds it.
        bound: &'static str,
    },
    /// A bootnode has the dialer's own id.
    OwnBootnode,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { field, least, most, given } => {
                write!(f, "{field} is {given}, but must be from {least} to {most}")
            }
            Self::DurationOutOfRange { field, least, most, given } => {
                write!(f, "{field} is {given:?}, but must be from {least:?} to {most:?}")
            }
            Self::Above { field, bound } => {
                write!(f, "{field} must not be above {bound}: lower the one or raise the other")
            }
            Self::OwnBootnode => f.write_str("a bootnode has this dialer's own id: take it off the list"),
        }
    }
}

impl core::error::Error for ConfigError {}

/// No profile has this name: the error of `Profile::from_str`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownProfile;

impl fmt::Display for UnknownProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such profile: use classic, scheduler or balanced")
    }
}

impl core::error::Error for UnknownProfile {}

/// Two parts of a dialer's state contradict each other: the error of `Dialer::verify`, and the reason why a damaged
/// snapshot can't be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inconsistency {
    what: &'static str,
}

impl Inconsistency {
    pub(crate) const fn new(what: &'static str) -> Self {
        Self { what }
    }

    /// The parts that disagree, in a few words: "a node and its queue", for example. The wording may change in any release.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        self.what
    }
}

impl fmt::Display for Inconsistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the state is inconsistent: {}", self.what)
    }
}

impl core::error::Error for Inconsistency {}
