//! The words of the format for plain enums of `dialstate`, which knows nothing of traces.

use dialstate::{DialKind, DialOutcome, PeerKind, RemovalReason};
use serde::{Deserialize, Serialize};

/// A mirror of a `dialstate` enum whose variants are spelled in snake case.
macro_rules! mirror {
    ($(#[$doc:meta])* $name:ident = $of:ident { $($variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $(#[doc = concat!("`", stringify!($of), "::", stringify!($variant), "`.")] $variant),*
        }

        impl From<$name> for $of {
            fn from(word: $name) -> Self {
                match word {
                    $($name::$variant => Self::$variant),*
                }
            }
        }

        impl TryFrom<$of> for $name {
            type Error = String;

            /// Fails for a variant that is newer than this table.
            fn try_from(value: $of) -> Result<Self, String> {
                match value {
                    $($of::$variant => Ok(Self::$variant),)*
                    #[allow(unreachable_patterns, reason = "some of the enums are exhaustive")]
                    _ => Err(format!("the trace format has no word for {value:?}: add it to trace/words.rs")),
                }
            }
        }
    };
}

mirror! {
    /// How a dial went.
    Outcome = DialOutcome {
        Connected, Unreachable, Refused, TimedOut, HandshakeFailed, WrongIdentity, TooManyPeers, Useless,
        LocalError, Cancelled,
    }
}

mirror! {
    /// Why a session ended.
    Ended = RemovalReason { Closed, TooManyPeers, Useless, Misbehaved, Local, Duplicate }
}

mirror! {
    /// What a dial is for.
    Kind = DialKind { Static, Dynamic, Bootnode, Feeler, Requested, Reunion }
}

/// What a connection is: inbound, or what our dial was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The other side opened it.
    Inbound,
    /// We did, not for a dial of the dialer's.
    External,
    /// We did.
    #[serde(untagged)]
    Outbound(Kind),
}

impl From<Link> for PeerKind {
    fn from(link: Link) -> Self {
        match link {
            Link::Inbound => Self::Inbound,
            Link::External => Self::External,
            Link::Outbound(kind) => Self::Outbound(kind.into()),
        }
    }
}

impl TryFrom<PeerKind> for Link {
    type Error = String;

    fn try_from(kind: PeerKind) -> Result<Self, String> {
        match kind {
            PeerKind::Inbound => Ok(Self::Inbound),
            PeerKind::External => Ok(Self::External),
            PeerKind::Outbound(kind) => Ok(Self::Outbound(kind.try_into()?)),
        }
    }
}
