//! What comes out: commands, the tokens that tie answers to them, and why a drain ended.

use core::fmt;
use core::time::Duration;

use crate::node::Node;
use crate::time::Timestamp;

/// Something to do. Exhaustive, so that a new command breaks the drivers that would ignore it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
#[expect(clippy::exhaustive_enums, reason = "a driver must handle every command")]
pub enum Command<I, A> {
    /// Connect to a node, and answer with `Event::DialFinished`.
    Dial {
        /// The token to answer with.
        dial: DialId,
        /// Whom, and where, best address first; never without an address. Race them as
        /// `node.addrs.staggered(stagger)` says.
        node: Node<I, A>,
        /// What the dial is for. Say it again in `PeerKind::Outbound`.
        kind: DialKind,
        /// How long to wait before starting the next address.
        stagger: Duration,
        /// When the dialer will give up on it; `None`: never.
        deadline: Option<Timestamp>,
    },
    /// Find a node's addresses, and answer with `Event::ResolveFinished`.
    Resolve {
        /// The token to answer with.
        resolve: ResolveId,
        /// Whose.
        id: I,
        /// When the dialer will give up on it; `None`: never.
        deadline: Option<Timestamp>,
    },
    /// Look for nodes near `target`, and answer with `Event::LookupFinished`.
    Lookup {
        /// The token to answer with.
        lookup: LookupId,
        /// 32 random bytes, to be mapped into the key space of the discovery.
        target: [u8; 32],
        /// When the dialer will give up on it; `None`: never.
        deadline: Option<Timestamp>,
    },
    /// Stop working on this: nothing waits for the answer any more.
    ///
    /// The answer may be on its way at the same moment. A connection that you have told of by then is a peer: keep it, and
    /// ignore the cancel of the dial that led to it.
    Cancel(Task),
    /// Close the connection with this node.
    Disconnect {
        /// Whom.
        id: I,
        /// Why, and for `Duplicate` which of two.
        reason: DisconnectReason,
    },
    /// Nothing more to do until an event, or until this instant: then handle an event, if only `Tick`.
    /// Ends every drain.
    Sleep {
        /// Later than every event so far; `None`: only an event can help.
        until: Option<Timestamp>,
        /// What for.
        reason: WakeReason,
    },
}

/// What a dial is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "drivers hand it back, and may want to match all of it")]
pub enum DialKind {
    /// To keep a static node connected. Has a budget of its own.
    Static,
    /// To reach the dynamic target.
    Dynamic,
    /// To get back into the network by a bootnode. In the budget of the dynamic ones.
    Bootnode,
    /// To see whether a node that was never tried answers; the connection is closed again.
    Feeler,
    /// Because `Event::DialRequested` asked. In the budget of the static ones.
    Requested,
}

impl fmt::Display for DialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Static => "static",
            Self::Dynamic => "dynamic",
            Self::Bootnode => "bootnode",
            Self::Feeler => "feeler",
            Self::Requested => "requested",
        })
    }
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub struct $name(u64);

        impl $name {
            /// The token with this number: for recordings, and for drivers that carry plain numbers.
            #[must_use]
            pub const fn from_raw(raw: u64) -> Self {
                Self(raw)
            }

            /// Its number, unique among all tokens of one dialer.
            #[must_use]
            pub const fn as_raw(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

token! {
    /// Ties the answer to a `Command::Dial`. Never reused.
    DialId
}
token! {
    /// Ties the answer to a `Command::Resolve`. Never reused.
    ResolveId
}
token! {
    /// Ties the answer to a `Command::Lookup`. Never reused.
    LookupId
}

/// A piece of work that the driver was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "a driver must handle every task")]
pub enum Task {
    /// A dial.
    Dial(DialId),
    /// A resolve.
    Resolve(ResolveId),
    /// A lookup.
    Lookup(LookupId),
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial(dial) => write!(f, "dial {dial}"),
            Self::Resolve(resolve) => write!(f, "resolve {resolve}"),
            Self::Lookup(lookup) => write!(f, "lookup {lookup}"),
        }
    }
}

/// Why a connection should be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum DisconnectReason {
    /// There are two connections to this node: close the one that `close` names, and keep the other. Both
    /// sides choose the same one. Answer with `RemovalReason::Duplicate`, or not at all.
    Duplicate {
        /// Which one to close.
        close: Side,
    },
    /// The dynamic target was lowered.
    OverTarget,
    /// The restrict list excludes its address.
    Restricted,
    /// It was banned.
    Banned,
    /// It was a feeler: it answered, that was all.
    FeelerDone,
    /// One dynamic peer is replaced now and then, so that the network mixes.
    Churn,
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Duplicate { close: Side::Inbound } => "the inbound one of two connections",
            Self::Duplicate { close: Side::Outbound } => "the outbound one of two connections",
            Self::OverTarget => "above the dynamic target",
            Self::Restricted => "excluded by the restrict list",
            Self::Banned => "banned",
            Self::FeelerDone => "feeler done",
            Self::Churn => "churn",
        })
    }
}

/// One of two connections with the same node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "a connection has two ends")]
pub enum Side {
    /// The one that the other side opened.
    Inbound,
    /// The one that we opened.
    Outbound,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        })
    }
}

/// What a `Sleep` waits for first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum WakeReason {
    /// Nothing has a time: only an event can help.
    Event,
    /// A static node may be dialed again.
    StaticRedial,
    /// A known node may be dialed again.
    Redial,
    /// A dial or resolve will be overdue.
    OverdueAttempt,
    /// The lookup will be overdue.
    OverdueLookup,
    /// A lookup may begin.
    Lookup,
    /// The next bootnode may be tried.
    Fallback,
    /// A pending inbound handshake will have expired.
    InboundExpiry,
    /// A ban will have ended.
    BanExpiry,
    /// The pace allows the next dial.
    Pacing,
    /// Dials are paused after errors of this host.
    LocalPause,
    /// The next probe of a network that seems to be down; before that, the time to suspect it.
    Offline,
    /// Free slots may be filled with less diverse peers.
    Relax,
    /// The next feeler.
    Feeler,
    /// The next peer may be replaced.
    Churn,
    /// More is to be looked at than one drain allows: handle a `Tick` and poll on.
    Backlog,
}

impl fmt::Display for WakeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event => "event",
            Self::StaticRedial => "static redial",
            Self::Redial => "redial",
            Self::OverdueAttempt => "attempt deadline",
            Self::OverdueLookup => "lookup deadline",
            Self::Lookup => "lookup",
            Self::Fallback => "bootnode",
            Self::InboundExpiry => "inbound handshake expiry",
            Self::BanExpiry => "ban expiry",
            Self::Pacing => "pacing",
            Self::LocalPause => "pause after local errors",
            Self::Offline => "offline probe",
            Self::Relax => "diversity relaxation",
            Self::Feeler => "feeler",
            Self::Churn => "churn",
            Self::Backlog => "backlog",
        })
    }
}
