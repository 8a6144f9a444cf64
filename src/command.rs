//! Commands: what a dialer asks its driver to do, with the tokens that answers carry.

use core::fmt;
use core::iter;
use core::time::Duration;

use crate::node::Node;
use crate::time::Timestamp;

/// Something that the driver has to do, as [`Dialer::poll`](crate::Dialer::poll) returns it. The enum is exhaustive: a new
/// command breaks drivers that would ignore it.
///
/// `I` is the id of a node, `A` an address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
#[must_use = "what it asks for counts as under way"]
#[expect(clippy::exhaustive_enums, reason = "a driver must handle every command")]
pub enum Command<I, A> {
    /// Dial a node, and answer with `Event::DialConnected` or `Event::DialFinished`, before the deadline.
    Dial {
        /// The token for the answer.
        dial: DialId,
        /// The node, with at least one address, best first. Start them one after the other, as
        /// `node.addrs.staggered(stagger)` says, until one connects.
        node: Node<I, A>,
        /// What the dial is for.
        kind: DialKind,
        /// The delay between the starts of two addresses.
        stagger: Duration,
        /// The instant at which the dialer gives the task up; `None`: never.
        deadline: Option<Timestamp>,
    },
    /// Find the addresses of a node, and answer with `Event::ResolveFinished`.
    Resolve {
        /// The token for the answer.
        resolve: ResolveId,
        /// The node.
        id: I,
        /// The instant at which the dialer gives the task up; `None`: never.
        deadline: Option<Timestamp>,
    },
    /// Look for nodes near a target, and answer with `Event::LookupFinished`.
    Lookup {
        /// The token for the answer.
        lookup: LookupId,
        /// The target: 32 random bytes, which the driver maps into the key space of its discovery.
        target: [u8; 32],
        /// The instant at which the dialer gives the task up; `None`: never.
        deadline: Option<Timestamp>,
    },
    /// Abandon a task. It needs no answer any more.
    ///
    /// An answer may be on its way already, and is then refused with `EventError::EndedTask`: close the connection, if there
    /// is one. (A program that sends `PeerAdded` and `DialFinished` apart may be told to cancel between the two: the dial
    /// has led to a peer by then, so keep the connection, and ignore the `Cancel`.)
    Cancel(Task),
    /// Close the connection with a node, and answer with `Event::PeerRemoved` and the reason `Local`; for the reason
    /// `Duplicate`, close one of two, and answer with the reason `Duplicate` or not at all.
    Disconnect {
        /// The node.
        id: I,
        /// Why; for `Duplicate`, also which of two connections.
        reason: DisconnectReason,
    },
    /// Wait for an event, at most until an instant, and handle it; at that instant handle an `Event::Tick` if nothing
    /// else has happened. Ends every drain.
    Sleep {
        /// An instant later than every event so far; `None`: only an event can change anything.
        until: Option<Timestamp>,
        /// What happens at `until`.
        reason: WakeReason,
    },
}

/// Appends what `poll` returns, up to and including the `Sleep`.
pub(crate) fn drain<I, A>(
    mut poll: impl FnMut() -> Command<I, A>,
    commands: &mut impl Extend<Command<I, A>>,
) {
    loop {
        let command = poll();
        let last = matches!(command, Command::Sleep { .. });
        commands.extend(iter::once(command));
        if last {
            return;
        }
    }
}

/// What a dial is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "drivers hand it back, and may want to match all of it")]
pub enum DialKind {
    /// To keep a static node connected; in the static budget.
    Static,
    /// To reach the dynamic target; in the dynamic budget.
    Dynamic,
    /// To reach a bootnode while there are no peers; in the dynamic budget.
    Bootnode,
    /// To check whether a node that was never tried answers. The connection is closed at once.
    Feeler,
    /// To answer an `Event::DialRequested`; in the static budget.
    Requested,
    /// To reach a former peer again that was lost together with others, although the dynamic target is reached: the network
    /// may have been split. The dial takes the slot of feelers. The connection is one of a dynamic peer like any other, and
    /// stays: the newest of the others is closed for it, as above the target.
    Reunion,
}

impl fmt::Display for DialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Static => "static",
            Self::Dynamic => "dynamic",
            Self::Bootnode => "bootnode",
            Self::Feeler => "feeler",
            Self::Requested => "requested",
            Self::Reunion => "reunion",
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
            /// The token with this number, for recordings and for drivers that store plain numbers.
            #[must_use]
            pub const fn from_raw(raw: u64) -> Self {
                Self(raw)
            }

            /// The number of this token. It is unique among all tokens of one dialer.
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
    /// The token of a `Command::Dial`. Tokens are never reused.
    DialId
}
token! {
    /// The token of a `Command::Resolve`. Tokens are never reused.
    ResolveId
}
token! {
    /// The token of a `Command::Lookup`. Tokens are never reused.
    LookupId
}

/// A task that the driver was given, by its token.
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

impl Task {
    /// The number of its token.
    #[must_use]
    pub const fn as_raw(self) -> u64 {
        match self {
            Self::Dial(dial) => dial.as_raw(),
            Self::Resolve(resolve) => resolve.as_raw(),
            Self::Lookup(lookup) => lookup.as_raw(),
        }
    }
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

/// Why a connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum DisconnectReason {
    /// There are two connections to this node. Close the one that `close` names, and keep the other: both sides
    /// choose the same one. Answer with `RemovalReason::Duplicate`, or not at all.
    Duplicate {
        /// The connection to close.
        close: Side,
    },
    /// There are more dynamic peers than the target.
    OverTarget,
    /// The restrict list excludes the address of the peer.
    Restricted,
    /// The node or its network is banned.
    Banned,
    /// The connection was a feeler, and has served its purpose.
    FeelerDone,
    /// The peer is to be replaced, as [`Config::churn`](crate::Config::churn) asks.
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

/// One of two connections with the same node, named by the side that opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "a connection has two ends")]
pub enum Side {
    /// The other side opened it.
    Inbound,
    /// This side opened it.
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

/// What happens at the instant that a `Sleep` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum WakeReason {
    /// Nothing: there is no such instant, and only an event can change anything.
    Event,
    /// The cooldown of a static node ends.
    StaticRedial,
    /// The cooldown of another node ends.
    Redial,
    /// A dial or resolve reaches its deadline.
    OverdueAttempt,
    /// The lookup reaches its deadline.
    OverdueLookup,
    /// The next lookup may begin.
    Lookup,
    /// The next bootnode may be dialed.
    Fallback,
    /// A pending inbound handshake expires.
    InboundExpiry,
    /// A ban ends.
    BanExpiry,
    /// The pace allows the next dial.
    Pacing,
    /// The pause after local errors ends.
    LocalPause,
    /// A suspected outage: the next probe is due. Before that: the outage may be suspected.
    Offline,
    /// A free slot may be filled beyond the limits per subnet.
    Relax,
    /// The next feeler or the next reunion is due.
    Feeler,
    /// The next peer may be replaced.
    Churn,
    /// Discovery may be asked for the next node that may be gone.
    Revalidation,
    /// The drain stopped at its limit of work: handle a `Tick`, and poll on.
    Backlog,
}

/// An instant to wake up at, and the reason.
pub(crate) type Wake = (Timestamp, WakeReason);

/// The earlier of two, the first of equal ones.
#[inline]
pub(crate) fn sooner(first: Option<Wake>, second: Option<Wake>) -> Option<Wake> {
    match (first, second) {
        (Some(first), Some(second)) if second.0 < first.0 => Some(second),
        (None, second) => second,
        (first, _) => first,
    }
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
            Self::Revalidation => "revalidation",
            Self::Backlog => "backlog",
        })
    }
}
