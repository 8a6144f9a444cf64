//! Who is dialed: the caller's node ids, and a node as one heard of it.

use core::fmt::{self, Debug};
use core::time::Duration;

use crate::address::Addrs;

/// A node's identity: plain data, ordered, and the same bytes on every machine.
///
/// Implemented for every `[u8; N]`. Implement it for a newtype of your own; no two different ids may have the
/// same bytes.
pub trait NodeId: Copy + Ord + Debug {
    /// The bytes that hashing and jitter see. `Hash` is not used, because what it feeds differs by platform.
    fn as_bytes(&self) -> &[u8];
}

impl<const N: usize> NodeId for [u8; N] {
    fn as_bytes(&self) -> &[u8] {
        self
    }
}

/// An id as operators read it: its bytes in hex.
pub(crate) struct Hex<'a, I>(pub(crate) &'a I);

impl<I: NodeId> fmt::Display for Hex<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A node: its id and the addresses one knows of it, best first.
///
/// Without addresses it has to be resolved before it can be dialed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
#[expect(clippy::exhaustive_structs, reason = "plain data that callers build")]
pub struct Node<I, A> {
    /// Who it is.
    pub id: I,
    /// Where it may be reached.
    pub addrs: Addrs<A>,
}

impl<I, A: Ord> Node<I, A> {
    /// A node with its addresses, best first; duplicates and all beyond [`Addrs::MAX`] are dropped.
    pub fn new(id: I, addrs: impl IntoIterator<Item = A>) -> Self {
        Self { id, addrs: addrs.into_iter().collect() }
    }

    /// A node whose endpoint is not known yet.
    pub fn unresolved(id: I) -> Self {
        Self { id, addrs: Addrs::new() }
    }
}

/// A known node with what is worth keeping of it over a restart: what `Dialer::known_nodes` gives, and
/// `Event::NodeRestored` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
#[expect(clippy::exhaustive_structs, reason = "plain data that callers store")]
pub struct KnownNode<I, A> {
    /// Who it is, and where, the address that connected last first.
    pub node: Node<I, A>,
    /// Where it was heard of first.
    pub source: Source,
    /// Whether it was connected to once.
    pub good: bool,
    /// Failures in a row.
    pub failures: u32,
    /// How long ago its last attempt or session ended; `None`: it was never tried.
    pub last_tried: Option<Duration>,
    /// Whether it was one of the last good peers: it is dialed first after a restart. How many are is
    /// `Config::anchors`.
    pub anchor: bool,
}

/// Where a node was heard of: a small number of the caller's (one per DNS list, discovery stream, peer …).
///
/// Fresh nodes are drawn from the sources in turn, and the source that holds most gives way first when the
/// table is full, so one flooding source cannot crowd the others out. What lookups bring has the number 255.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a plain number")]
pub struct Source(pub u8);

impl Source {
    /// The source of nodes that lookups bring.
    pub const LOOKUP: Self = Self(u8::MAX);
}
