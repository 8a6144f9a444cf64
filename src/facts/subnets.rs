//! Subnets: which of them hold outbound peers and attempts, each as often as it is held.

use alloc::vec::Vec;

use smallvec::SmallVec;

use crate::address::Address;
use crate::collections::bytes;
use crate::config::Diversity;
use crate::network::{Subnet, SubnetKey, is_local};

/// The subnets in which one peer or attempt counts.
pub(crate) type Held = SmallVec<[SubnetKey; 2]>;

/// What is held, in order. It is as long as what is connected or in flight, so inserting into a vector is cheap, and
/// strangers cannot make it grow.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subnets {
    held: Vec<SubnetKey>,
}

impl Subnets {
    pub(super) const fn new() -> Self {
        Self { held: Vec::new() }
    }

    /// The subnets in which an address counts, the narrow one and the wide one; none for one in a local network.
    #[inline]
    fn of<A: Address>(addr: &A) -> (Option<SubnetKey>, Option<SubnetKey>) {
        let ip = addr.ip_addr();
        if ip.is_some_and(is_local) {
            return (None, None);
        }
        let (fine, coarse) = SubnetKey::of(ip);
        (Some(fine), coarse)
    }

    /// The first subnet of an address for which something holds.
    #[inline]
    fn find<A: Address>(addr: &A, holds: impl Fn(SubnetKey) -> bool) -> Option<SubnetKey> {
        let (fine, coarse) = Self::of(addr);
        fine.filter(|fine| holds(*fine)).or_else(|| coarse.filter(|coarse| holds(*coarse)))
    }

    /// The first subnet of an address that has no room.
    pub(crate) fn full<A: Address>(&self, limits: &Diversity, addr: &A) -> Option<Subnet> {
        Self::find(addr, |subnet| self.is_full(limits, subnet)).map(Subnet::from)
    }

    pub(crate) fn is_full(&self, limits: &Diversity, subnet: SubnetKey) -> bool {
        limits.limit(subnet).checked_sub(1).is_none_or(|below| self.holders_exceed(subnet, below))
    }

    /// Whether a subnet of an address that is held already holds more than it should.
    pub(crate) fn overfull<A: Address>(&self, limits: &Diversity, addr: &A) -> bool {
        Self::find(addr, |subnet| self.holders_exceed(subnet, limits.limit(subnet))).is_some()
    }

    fn holders_exceed(&self, subnet: SubnetKey, count: u32) -> bool {
        self.held.get(self.place(subnet).saturating_add(count as usize)) == Some(&subnet)
    }

    /// How many peers and attempts a subnet holds.
    pub(crate) fn holders(&self, subnet: SubnetKey) -> usize {
        self.held.partition_point(|held| *held <= subnet).saturating_sub(self.place(subnet))
    }

    /// Where a subnet stands among the held ones for the first time, or would.
    fn place(&self, subnet: SubnetKey) -> usize {
        self.held.partition_point(|held| *held < subnet)
    }

    /// Counts one more holder in each subnet of these addresses.
    pub(super) fn hold<'a, A: Address + 'a>(&mut self, addrs: impl IntoIterator<Item = &'a A>) -> Held {
        let mut held = Held::new();
        for addr in addrs {
            let (fine, coarse) = Self::of(addr);
            self.hold_one(&mut held, fine);
            self.hold_one(&mut held, coarse);
        }
        held
    }

    #[inline]
    fn hold_one(&mut self, held: &mut Held, subnet: Option<SubnetKey>) {
        if let Some(subnet) = subnet.filter(|subnet| !held.contains(subnet)) {
            held.push(subnet);
            self.held.insert(self.place(subnet), subnet);
        }
    }

    /// Counts one holder less.
    pub(super) fn release(&mut self, subnet: SubnetKey) {
        let place = self.place(subnet);
        if self.held.get(place) == Some(&subnet) {
            self.held.remove(place);
        }
    }

    /// Whether exactly these are held.
    pub(crate) fn verify<'a>(&self, held: impl Iterator<Item = &'a SubnetKey>) -> bool {
        let mut recount = Self::new();
        recount.recount(held);
        recount.held == self.held
    }

    /// Counts anew who holds what: each subnet as often as somebody names it.
    pub(super) fn recount<'a>(&mut self, held: impl Iterator<Item = &'a SubnetKey>) {
        self.held = held.copied().collect();
        self.held.sort_unstable();
    }

    /// The most bytes for so many held subnets.
    pub(crate) const fn bound(held: u64) -> u64 {
        bytes::vector(held, size_of::<SubnetKey>())
    }
}
