//! Nodes: ids, addresses, and what is known of them.

use core::fmt::{self, Debug};
use core::time::Duration;

use crate::address::Addrs;

/// The id of a node: plain data with a total order.
///
/// Implemented for every `[u8; N]`; implement it for a newtype of your own. Two ids that differ must have different bytes.
/// The bytes may be a part of the id: for the `PeerId` of libp2p the digest of its multihash, without a copy:
///
/// ```
/// # // What libp2p has, as far as it is needed here.
/// # #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
/// # struct Multihash<const S: usize>([u8; S]);
/// # impl<const S: usize> Multihash<S> { fn digest(&self) -> &[u8] { &self.0 } }
/// # #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
/// # struct PeerId(Multihash<64>);
/// # impl AsRef<Multihash<64>> for PeerId { fn as_ref(&self) -> &Multihash<64> { &self.0 } }
/// #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
/// struct Id(PeerId);
///
/// impl dialstate::NodeId for Id {
///     fn as_bytes(&self) -> &[u8] {
///         let multihash: &Multihash<64> = self.0.as_ref();
///         multihash.digest()
///     }
/// }
/// ```
///
/// (Of two kinds of `PeerId`, hashed keys and short keys as they are, no two have the same digest: a hash of 32 bytes would have
/// to be the encoding of a key.)
///
/// A node knows its own id: give it to `Dialer::new`, and the dialer never dials it. Discovery may bring it all the same.
pub trait NodeId: Copy + Ord + Debug {
    /// The bytes of the id, which hashing and jitter use. (Not `Hash`, whose input depends on the platform.)
    fn as_bytes(&self) -> &[u8];
}

impl<const N: usize> NodeId for [u8; N] {
    fn as_bytes(&self) -> &[u8] {
        self
    }
}

/// The bytes of an id in hex, as operators read it.
pub(crate) struct Hex<'a, I>(pub(crate) &'a I);

impl<I: NodeId> fmt::Display for Hex<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A node: its id and its addresses.
///
/// A node without addresses must be resolved before it can be dialed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
#[expect(clippy::exhaustive_structs, reason = "plain data that callers build")]
pub struct Node<I, A> {
    /// The id, which the handshake of a dial has to prove.
    pub id: I,
    /// The addresses, best first.
    pub addrs: Addrs<A>,
}

impl<I, A: Ord> Node<I, A> {
    /// A node with these addresses, best first. Duplicates are dropped, and all addresses beyond [`Addrs::MAX`].
    pub fn new(id: I, addrs: impl IntoIterator<Item = A>) -> Self {
        Self { id, addrs: addrs.into_iter().collect() }
    }

    /// A node without addresses.
    pub fn unresolved(id: I) -> Self {
        Self { id, addrs: Addrs::new() }
    }
}

/// A known node, with what is worth keeping over a restart: an item of `Dialer::known_nodes`, and the content of
/// `Event::NodeRestored`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
#[expect(clippy::exhaustive_structs, reason = "plain data that callers store")]
pub struct KnownNode<I, A> {
    /// The node. The address that connected last is the first.
    pub node: Node<I, A>,
    /// Who told of the node first.
    pub source: Source,
    /// Whether a dial has connected to it at least once. A connection that it has opened does not count.
    pub good: bool,
    /// Number of failures in a row.
    pub failures: u32,
    /// Time from the end of its last attempt or session to the latest event when it was asked for; `None`: it was never tried.
    /// The time in which the program is down is not in it.
    pub last_tried: Option<Duration>,
    /// Whether it is one of the last good peers, which are dialed first after a restart. `Config::anchors` says how
    /// many there are.
    pub anchor: bool,
}

/// Who told of a node: a number of the caller's, one for each DNS list, discovery stream, peer …
///
/// Nodes that were never tried are drawn from the sources in turn, and at a full table the source with the most nodes
/// loses one first, so that a flooding source does not crowd out the others. Nodes found by lookups have number 255.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a plain number")]
pub struct Source(pub u8);

impl Source {
    /// The source of nodes that lookups bring.
    pub const LOOKUP: Self = Self(u8::MAX);
}
