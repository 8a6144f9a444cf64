//! Which address families work on this host (an option, after go-libp2p's black hole detection).

use core::net::IpAddr;

use super::Balanced;
use crate::address::{Address, Addrs};
use crate::backoff;
use crate::event::{AddrOutcome, DialOutcome};
use crate::facts::Facts;
use crate::facts::slots::AttemptSlot;
use crate::node::NodeId;
use crate::time::Timestamp;

/// Outcomes that are remembered of a family (100 and 5 are go-libp2p's).
const WINDOW: u32 = 100;
/// A family with fewer successes among them is taken for a black hole.
const SUCCESSES: u32 = 5;

/// One address family.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Family {
    /// The last outcomes, one bit each, the latest lowest; and how many there are.
    outcomes: u128,
    seen: u32,
    /// When a dial may go there although it seems to lead nowhere.
    probe: Timestamp,
}

impl Family {
    const NEW: Self = Self { outcomes: 0, seen: 0, probe: Timestamp::ZERO };

    fn note(&mut self, success: bool) {
        let window = (1u128 << WINDOW).saturating_sub(1);
        self.outcomes = ((self.outcomes << 1) | u128::from(success)) & window;
        self.seen = self.seen.saturating_add(1).min(WINDOW);
    }

    /// Nothing is judged by fewer outcomes than the window holds.
    const fn is_down(&self) -> bool {
        self.seen >= WINDOW && self.outcomes.count_ones() < SUCCESSES
    }
}

/// The two families.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Families {
    v4: Family,
    v6: Family,
}

impl Families {
    pub(super) const NEW: Self = Self { v4: Family::NEW, v6: Family::NEW };

    const fn of(&mut self, ip: IpAddr) -> &mut Family {
        if ip.to_canonical().is_ipv4() { &mut self.v4 } else { &mut self.v6 }
    }

    /// Until when nothing should be dialed in the family of an address, where it seems to lead nowhere and it is not time
    /// for a probe.
    pub(super) fn down_until(&self, addr: &impl Address, now: Timestamp) -> Option<Timestamp> {
        let v4 = addr.ip_addr()?.to_canonical().is_ipv4();
        let family = if v4 { &self.v4 } else { &self.v6 };
        Some(family.probe).filter(|probe| family.is_down() && *probe > now)
    }

    /// A dial goes out: in a family that is down it is the probe, and the next one has to wait.
    pub(super) fn dialed(&mut self, addrs: &Addrs<impl Address>, next: Timestamp) {
        for ip in addrs.iter().filter_map(Address::ip_addr) {
            let family = self.of(ip);
            if family.is_down() {
                family.probe = next;
            }
        }
    }

    /// An address has answered, or the transport has failed there.
    pub(super) fn note(&mut self, ip: IpAddr, success: bool) {
        self.of(ip).note(success);
    }
}

impl<A: Address> Balanced<A> {
    /// Takes in whether the address families of an attempt work. Where the driver does not say how each address went, a failure
    /// is that of all, and a success that of the first.
    pub(super) fn note_families<I: NodeId>(
        &mut self,
        facts: &Facts<I, A>,
        attempt: AttemptSlot,
        outcome: DialOutcome,
        tried: &[AddrOutcome<A>],
    ) {
        if !facts.config.family_health || self.outage.is_suspected() {
            return;
        }
        let addrs = facts.attempts.get(attempt).map_or(&[][..], |of| of.addrs().as_slice());
        let success = outcome == DialOutcome::Connected;
        let untold = if !tried.is_empty() {
            0
        } else if success {
            1
        } else {
            addrs.len()
        };
        let told = tried.iter().filter(|tried| addrs.contains(&tried.addr)).take(addrs.len());
        let told = told.map(|tried| (&tried.addr, tried.outcome));
        for (addr, outcome) in told.chain(addrs.iter().take(untold).map(|addr| (addr, outcome))) {
            if let Some(ip) = addr.ip_addr().filter(|_| backoff::left_host(outcome)) {
                self.families.note(ip, backoff::proves_network(outcome));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_down_after_a_window_without_success_and_up_again_after_five() {
        let mut family = Family::default();
        for _ in 0..99 {
            family.note(false);
            assert!(!family.is_down());
        }
        family.note(false);
        assert!(family.is_down());
        for _ in 0..4 {
            family.note(true);
            assert!(family.is_down());
        }
        family.note(true);
        assert!(!family.is_down());
        for _ in 0..95 {
            family.note(false);
        }
        assert!(!family.is_down());
        family.note(false);
        assert!(family.is_down());
    }
}
