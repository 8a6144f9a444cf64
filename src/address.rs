//! Addresses: the trait for addresses of the caller's, and the list of addresses of a node.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt::{self, Debug};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use core::{mem, slice};

/// An address that the caller's transport can dial: a `SocketAddr`, or a multiaddr or host name of the caller's.
pub trait Address: Clone + Ord + Debug {
    /// The IP that the restrict list, bans and limits per subnet apply to.
    ///
    /// `None` for a host name or any other address without an IP. Such an address is refused while there is a restrict
    /// list, and counts towards [`Diversity::no_ip`](crate::Diversity::no_ip).
    fn ip_addr(&self) -> Option<IpAddr>;

    /// Whether a dial could succeed at all. Other addresses are dropped.
    fn is_dialable(&self) -> bool {
        true
    }
}

impl Address for SocketAddr {
    #[inline]
    fn ip_addr(&self) -> Option<IpAddr> {
        Some(match self {
            Self::V4(addr) => IpAddr::V4(*addr.ip()),
            Self::V6(addr) => addr.ip().to_canonical(),
        })
    }

    /// False for port 0 and for unspecified, multicast and IPv4 broadcast addresses.
    fn is_dialable(&self) -> bool {
        let ip = self.ip().to_canonical();
        let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
        self.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !broadcast
    }
}

/// The addresses of a node: distinct, best first, at most [`Addrs::MAX`]. A single address is stored inline, more are on the heap.
///
/// ```
/// use dialstate::Addrs;
/// use std::time::Duration;
///
/// let addrs: Addrs<&str> = ["best", "other", "best"].into_iter().collect();
/// let starts: Vec<_> = addrs.staggered(Duration::from_millis(250)).collect();
/// assert_eq!(starts, [(Duration::ZERO, &"best"), (Duration::from_millis(250), &"other")]);
/// ```
pub struct Addrs<A>(List<A>);

/// As small as one address: there may be a million of these.
#[derive(Clone)]
enum List<A> {
    None,
    One(A),
    /// Two or more, in exactly the memory that they need.
    Many(Box<[A]>),
}

impl<A> From<Vec<A>> for List<A> {
    fn from(mut addrs: Vec<A>) -> Self {
        if addrs.len() > 1 {
            return Self::Many(addrs.into_boxed_slice());
        }
        addrs.pop().map_or(Self::None, Self::One)
    }
}

impl<A> Addrs<A> {
    /// The largest number of addresses in a list (a guess). [`Config::max_addrs`](crate::Config::max_addrs) is usually lower.
    pub const MAX: usize = 16;

    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self(List::None)
    }

    /// The addresses, best first.
    #[must_use]
    pub fn as_slice(&self) -> &[A] {
        match &self.0 {
            List::None => &[],
            List::One(addr) => slice::from_ref(addr),
            List::Many(addrs) => addrs,
        }
    }

    fn as_mut_slice(&mut self) -> &mut [A] {
        match &mut self.0 {
            List::None => &mut [],
            List::One(addr) => slice::from_mut(addr),
            List::Many(addrs) => addrs,
        }
    }

    /// An iterator over the addresses, best first.
    pub fn iter(&self) -> slice::Iter<'_, A> {
        self.as_slice().iter()
    }

    /// The number of addresses.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether there are no addresses.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.0, List::None)
    }

    /// The best address.
    #[must_use]
    pub fn first(&self) -> Option<&A> {
        self.as_slice().first()
    }

    /// The addresses with the delay from the start of the dial after which each is started: zero for the first, and
    /// `stagger` more for each next one (RFC 8305, "Happy Eyeballs"). An address may start earlier if all before it have
    /// failed.
    pub fn staggered(&self, stagger: Duration) -> impl Iterator<Item = (Duration, &A)> {
        (0u32..).zip(self).map(move |(rank, addr)| (stagger.saturating_mul(rank), addr))
    }

    /// Keeps the first `most` addresses.
    pub fn truncate(&mut self, most: usize) {
        if self.len() > most {
            self.change(|addrs| addrs.truncate(most));
        }
    }

    /// The addresses of a distinct list that `keep` accepts, in their order.
    pub(crate) fn filtered(addrs: &[A], mut keep: impl FnMut(&A) -> bool) -> Self
    where
        A: Clone,
    {
        match addrs {
            [] => Self::new(),
            [one] => Self(if keep(one) { List::One(one.clone()) } else { List::None }),
            many => Self(many.iter().filter(|addr| keep(addr)).cloned().collect::<Vec<_>>().into()),
        }
    }

    /// Keeps the addresses that `keep` accepts, or all if it accepts none.
    pub(crate) fn prefer(&mut self, keep: impl Fn(&A) -> bool) {
        if self.len() > 1 && self.iter().any(&keep) {
            self.retain(keep);
        }
    }

    /// Keeps the addresses that `keep` accepts, in their order.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&A) -> bool) {
        match &self.0 {
            List::None => {}
            List::One(addr) if keep(addr) => {}
            List::One(_) => self.0 = List::None,
            List::Many(_) => self.change(|addrs| addrs.retain(|addr| keep(addr))),
        }
    }

    /// Puts the first address last.
    pub(crate) fn rotate(&mut self) {
        let addrs = self.as_mut_slice();
        if !addrs.is_empty() {
            addrs.rotate_left(1);
        }
    }

    /// Changes the list as a vector.
    fn change(&mut self, change: impl FnOnce(&mut Vec<A>)) {
        let mut addrs = match mem::replace(&mut self.0, List::None) {
            List::None => Vec::new(),
            List::One(addr) => Vec::from([addr]),
            List::Many(addrs) => addrs.into_vec(),
        };
        change(&mut addrs);
        self.0 = addrs.into();
    }
}

impl<A: Ord> Addrs<A> {
    /// Appends an address. Returns false, without a change, if the list is full or contains the address.
    pub fn push(&mut self, addr: A) -> bool {
        let room = self.len() < Self::MAX && !self.as_slice().contains(&addr);
        if room && self.is_empty() {
            self.0 = List::One(addr);
        } else if room {
            self.change(|addrs| addrs.push(addr));
        }
        room
    }

    /// The list with the new addresses of another list appended, at most `most` addresses. Where there is no room, the last
    /// ones are dropped, except the first `kept`.
    pub(crate) fn merged(&self, news: &Self, most: usize, kept: u32) -> Self
    where
        A: Clone,
    {
        let new: Vec<_> = news.iter().filter(|addr| !self.as_slice().contains(addr)).cloned().collect();
        let room = most.saturating_sub(new.len()).max(kept as usize);
        let old = self.iter().take(room).cloned();
        old.chain(new).take(most).collect()
    }

    /// Moves `addr` to the front, if it is in the list.
    pub(crate) fn promote(&mut self, addr: &A) {
        let at = self.iter().position(|a| a == addr);
        if let Some(front) = at.and_then(|at| self.as_mut_slice().get_mut(..=at)) {
            front.rotate_right(1);
        }
    }
}

impl<A: Clone> Clone for Addrs<A> {
    #[inline]
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A: PartialEq> PartialEq for Addrs<A> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<A: Eq> Eq for Addrs<A> {}

impl<A: PartialOrd> PartialOrd for Addrs<A> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.as_slice().partial_cmp(other.as_slice())
    }
}

impl<A: Ord> Ord for Addrs<A> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl<A> Default for Addrs<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Debug> Debug for Addrs<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl<A: Ord> FromIterator<A> for Addrs<A> {
    /// Takes the first [`Addrs::MAX`] distinct addresses.
    fn from_iter<T: IntoIterator<Item = A>>(iter: T) -> Self {
        let mut iter = iter.into_iter();
        let Some(first) = iter.next() else { return Self::new() };
        let Some(second) = iter.next() else { return Self(List::One(first)) };
        let mut addrs = Vec::from([first]);
        for addr in core::iter::once(second).chain(iter) {
            if addrs.len() == Self::MAX {
                break;
            }
            if !addrs.contains(&addr) {
                addrs.push(addr);
            }
        }
        Self(addrs.into())
    }
}

impl<A: Ord> From<A> for Addrs<A> {
    fn from(addr: A) -> Self {
        core::iter::once(addr).collect()
    }
}

impl<'a, A> IntoIterator for &'a Addrs<A> {
    type Item = &'a A;
    type IntoIter = slice::Iter<'a, A>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(feature = "serde")]
mod serialized {
    use core::fmt;
    use core::marker::PhantomData;

    use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
    use serde::ser::{Serialize, Serializer};

    use super::Addrs;

    impl<A: Serialize> Serialize for Addrs<A> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(self)
        }
    }

    impl<'de, A: Deserialize<'de> + Ord> Deserialize<'de> for Addrs<A> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_seq(Sequence(PhantomData))
        }
    }

    struct Sequence<A>(PhantomData<A>);

    impl<'de, A: Deserialize<'de> + Ord> Visitor<'de> for Sequence<A> {
        type Value = Addrs<A>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of addresses")
        }

        /// A list that is too long or contains duplicates is cut, as by `from_iter`.
        fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
            let mut addrs = Addrs::new();
            while let Some(addr) = seq.next_element()? {
                addrs.push(addr);
            }
            Ok(addrs)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_list_is_distinct_bounded_and_ordered() {
        let mut addrs: Addrs<u8> = [3, 1, 3, 2].into_iter().collect();
        assert_eq!(addrs.as_slice(), [3, 1, 2]);
        assert!(!addrs.push(1));
        addrs.promote(&2);
        assert_eq!(addrs.as_slice(), [2, 3, 1]);
        assert_eq!((0..100).collect::<Addrs<u8>>().len(), Addrs::<u8>::MAX);
    }

    #[test]
    fn one_address_costs_no_more_than_itself() {
        assert_eq!(size_of::<Addrs<SocketAddr>>(), size_of::<SocketAddr>());
        let mut addrs: Addrs<u8> = [3, 1].into_iter().collect();
        addrs.retain(|addr| *addr == 1);
        assert_eq!(addrs, Addrs::from(1));
        addrs.truncate(0);
        assert!(addrs.is_empty() && addrs.push(7) && addrs.push(8) && addrs > Addrs::from(7));
    }

    #[test]
    fn staggered_starts() {
        let addrs: Addrs<u8> = [7, 8, 9].into_iter().collect();
        let at: Vec<_> =
            addrs.staggered(Duration::from_millis(250)).map(|(d, a)| (d.as_millis(), *a)).collect();
        assert_eq!(at, vec![(0, 7), (250, 8), (500, 9)]);
    }

    #[test]
    fn what_cannot_be_dialed() {
        for bad in ["1.2.3.4:0", "0.0.0.0:1", "[::]:1", "224.0.0.1:1", "[ff02::1]:1", "255.255.255.255:1"] {
            assert!(!addr(bad).is_dialable(), "{bad}");
        }
        for good in ["1.2.3.4:1", "127.0.0.1:1", "[::1]:1", "10.0.0.1:65535"] {
            assert!(addr(good).is_dialable(), "{good}");
        }
    }

    #[test]
    fn a_mapped_address_is_judged_by_its_ipv4() {
        assert_eq!(Address::ip_addr(&addr("[::ffff:1.2.3.4]:1")), Some(IpAddr::from([1, 2, 3, 4])));
        assert!(!addr("[::ffff:0.0.0.0]:1").is_dialable());
    }
}
