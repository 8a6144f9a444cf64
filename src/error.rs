//! What can be wrong with an event or a config. One variant per mistake, with what is needed to mend it.

use core::fmt;

use crate::command::Task;
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// Why an event was refused. The state is as it was, but for the clock and the statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventError {
    /// `now` is above [`Timestamp::MAX_NOW`]. Not even the clock has moved.
    TimeOutOfRange {
        /// The `now` given.
        now: Timestamp,
    },
    /// No such task was ever asked for: a token of another dialer, or of a run before this one.
    UnknownTask(Task),
    /// The task has ended: it was answered before, it was cancelled, or its deadline has passed.
    EndedTask(Task),
    /// A collection is at its cap.
    Full {
        /// Which one.
        what: Collection,
        /// How many it holds; raise the cap in `Config::limits`, or remove something.
        cap: u32,
    },
    /// A requested dial is out of the question.
    NotDialable(Refusal),
    /// A node was to be added that has this dialer's own id.
    OwnId,
    /// A change would make the configuration invalid; nothing has changed.
    InvalidChange(ConfigError),
}

/// A collection with a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Collection {
    /// `Limits::statics`.
    Statics,
    /// `Limits::banned_ids`.
    BannedIds,
    /// `Limits::banned_networks`.
    BannedNetworks,
    /// `Limits::requested`.
    Requested,
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

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimeOutOfRange { now } => {
                write!(f, "now is {} ns, above the largest timestamp 2^63 - 1", now.as_nanos())
            }
            Self::UnknownTask(task) => write!(f, "{task} was never issued by this dialer"),
            Self::EndedTask(task) => {
                write!(f, "{task} has already ended: it was answered, cancelled or overdue")
            }
            Self::Full { what, cap } => {
                write!(
                    f,
                    "no room for more {what}: the limit is {cap}; raise it in Config::limits or remove some"
                )
            }
            Self::NotDialable(refusal) => write!(f, "the requested node can't be dialed: {refusal}"),
            Self::OwnId => f.write_str("the node has this dialer's own id"),
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
            | Self::Full { .. }
            | Self::NotDialable(_)
            | Self::OwnId => None,
        }
    }
}

/// What is wrong with a config.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value lies outside its range.
    OutOfRange {
        /// The field, as it is named in `Config`.
        field: &'static str,
        /// The smallest value allowed (of a duration: nanoseconds).
        least: u64,
        /// The largest value allowed.
        most: u64,
        /// The value given.
        given: u64,
    },
    /// One value must not be above another.
    Above {
        /// The field that is too large.
        field: &'static str,
        /// The field that it must not exceed.
        bound: &'static str,
    },
    /// A bootnode has this dialer's own id.
    OwnBootnode,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { field, least, most, given } => {
                write!(f, "{field} is {given}, but must be from {least} to {most}")
            }
            Self::Above { field, bound } => write!(f, "{field} must not be above {bound}"),
            Self::OwnBootnode => f.write_str("a bootnode has this dialer's own id"),
        }
    }
}

impl core::error::Error for ConfigError {}

/// Two parts of a dialer's state contradict each other: the answer of `Dialer::verify`, and the reason why a damaged
/// snapshot is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inconsistency {
    what: &'static str,
}

impl Inconsistency {
    pub(crate) const fn new(what: &'static str) -> Self {
        Self { what }
    }

    /// What disagrees, in a few words: "a node and its queue", for example. The words may change with any release.
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
