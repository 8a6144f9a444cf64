//! Lines of output: commands as traces show them, in the order of traces.

use core::fmt;
use core::net::SocketAddr;
use std::io;

use dialstate::{DisconnectReason, Side, Timestamp};
use serde::{Deserialize, Serialize};

use super::{At, Kind, TraceId, one_or_many};

/// A command. `Sleep` is left out of traces. The variants stand in the order of their names, so that the
/// derived order is the order of the format: by command, then by id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Output {
    /// A task is given up.
    Cancel {
        /// Whose; none for a lookup, and for a task that was never seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<TraceId>,
        /// Which.
        task: TaskKind,
    },
    /// A node is dialed.
    Dial {
        /// Whom.
        id: TraceId,
        /// What for. The classic profile shows a bootnode as dynamic.
        kind: Kind,
        /// The only address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        addr: Option<SocketAddr>,
        /// More than one address, best first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        addrs: Vec<SocketAddr>,
    },
    /// A connection is closed.
    Disconnect {
        /// Whose.
        id: TraceId,
        /// Why.
        reason: Closing,
    },
    /// A lookup begins.
    Lookup {},
    /// A node is resolved.
    Resolve {
        /// Whom.
        id: TraceId,
    },
}

impl Output {
    /// A dial.
    pub fn dial<'a>(id: TraceId, kind: Kind, addrs: impl IntoIterator<Item = &'a SocketAddr>) -> Self {
        let (addr, addrs) = one_or_many(addrs);
        Self::Dial { id, kind, addr, addrs }
    }

    /// The node that it concerns.
    #[must_use]
    pub const fn id(&self) -> Option<TraceId> {
        match self {
            Self::Cancel { id, .. } => *id,
            Self::Dial { id, .. } | Self::Disconnect { id, .. } | Self::Resolve { id } => Some(*id),
            Self::Lookup {} => None,
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// A kind of task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// A dial.
    Dial,
    /// A lookup.
    Lookup,
    /// A resolve.
    Resolve,
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// The inbound one of two connections.
    DuplicateInbound,
    /// The outbound one of two connections.
    DuplicateOutbound,
    /// `DisconnectReason::OverTarget`.
    OverTarget,
    /// `DisconnectReason::Restricted`.
    Restricted,
    /// `DisconnectReason::Banned`.
    Banned,
    /// `DisconnectReason::FeelerDone`.
    FeelerDone,
    /// `DisconnectReason::Churn`.
    Churn,
}

impl TryFrom<DisconnectReason> for Closing {
    type Error = String;

    /// Fails for a reason that is newer than this table.
    fn try_from(reason: DisconnectReason) -> Result<Self, String> {
        Ok(match reason {
            DisconnectReason::Duplicate { close: Side::Inbound } => Self::DuplicateInbound,
            DisconnectReason::Duplicate { close: Side::Outbound } => Self::DuplicateOutbound,
            DisconnectReason::OverTarget => Self::OverTarget,
            DisconnectReason::Restricted => Self::Restricted,
            DisconnectReason::Banned => Self::Banned,
            DisconnectReason::FeelerDone => Self::FeelerDone,
            DisconnectReason::Churn => Self::Churn,
            _ => {
                return Err(format!(
                    "the trace format has no word for {reason:?}: add it to trace/output.rs"
                ));
            }
        })
    }
}

/// A line of output: the commands of one drain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputLine {
    /// When.
    pub at: Timestamp,
    /// What, sorted.
    pub commands: Vec<Output>,
}

impl OutputLine {
    /// The commands of a drain, in any order.
    #[must_use]
    pub fn new(at: Timestamp, mut commands: Vec<Output>) -> Self {
        commands.sort();
        Self { at, commands }
    }

    /// The line of JSON, without its end.
    pub fn write<W: io::Write>(&self, writer: W) -> io::Result<()> {
        #[derive(Serialize)]
        struct Wire<'a> {
            #[serde(flatten)]
            at: At,
            commands: &'a [Output],
        }
        Ok(serde_json::to_writer(writer, &Wire { at: self.at.into(), commands: &self.commands })?)
    }

    /// The line of JSON as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut bytes = Vec::new();
        self.write(&mut bytes).expect("writing to memory does not fail");
        String::from_utf8(bytes).expect("JSON is UTF-8")
    }
}
