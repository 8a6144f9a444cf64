//! Subnets: which of them hold outbound peers and attempts, each as often as it is held. Who counts where follows from the
//! addresses.

use alloc::vec::Vec;

use crate::address::Address;
use crate::collections::bytes;
use crate::config::Diversity;
use crate::network::{Subnet, SubnetKey, is_local};

/// What is held, in order. It is as long as what is connected or in flight, so inserting into a vector is cheap, and
/// strangers cannot make it grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

    /// Calls `visit` with every subnet in which one of these addresses counts, once with each.
    #[inline]
    fn visit<A: Address>(addrs: &[A], mut visit: impl FnMut(SubnetKey)) {
        for (place, addr) in addrs.iter().enumerate() {
            let (fine, coarse) = Self::of(addr);
            let earlier = addrs.get(..place).unwrap_or_default();
            let is_new =
                |key: &SubnetKey| !earlier.iter().any(|addr| Self::find(addr, |of| of == *key).is_some());
            for subnet in [fine, coarse] {
                if let Some(subnet) = subnet.filter(is_new) {
                    visit(subnet);
                }
            }
        }
    }

    /// Counts one more holder in each subnet of these addresses.
    pub(super) fn hold<A: Address>(&mut self, addrs: &[A]) {
        Self::visit(addrs, |subnet| self.held.insert(self.place(subnet), subnet));
    }

    /// Counts one holder less in each subnet of these addresses, and calls `freed` with it.
    pub(super) fn release<A: Address>(&mut self, addrs: &[A], mut freed: impl FnMut(SubnetKey)) {
        Self::visit(addrs, |subnet| {
            let place = self.place(subnet);
            if self.held.get(place) == Some(&subnet) {
                self.held.remove(place);
            }
            freed(subnet);
        });
    }

    /// What is held by holders with these addresses.
    pub(super) fn recounted<'a, A: Address + 'a>(holders: impl Iterator<Item = &'a [A]>) -> Self {
        let mut held = Vec::new();
        holders.for_each(|addrs| Self::visit(addrs, |subnet| held.push(subnet)));
        held.sort_unstable();
        Self { held }
    }

    /// The most bytes for so many held subnets.
    pub(crate) const fn bound(held: u64) -> u64 {
        bytes::vector(held, size_of::<SubnetKey>())
    }
}
