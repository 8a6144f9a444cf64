//! Which address families work on this host (an option, after go-libp2p's black hole detection).

use core::net::IpAddr;

use super::Ledger;
use super::timers::Due;
use crate::address::{Address, Addrs};
use crate::event::DialOutcome;
use crate::node::NodeId;
use crate::time::{Timestamp, nanos};

/// Outcomes that are remembered of a family.
const WINDOW: u32 = 100;
/// A family with fewer successes among them is taken for a black hole.
const SUCCESSES: u32 = 5;

/// One address family.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Family {
    /// The last outcomes, one bit each, the latest lowest; and how many there are.
    outcomes: u128,
    seen: u32,
    /// When a dial may go there although it seems to lead nowhere.
    probe: Timestamp,
}

impl Family {
    fn note(&mut self, success: bool) {
        let window = (1u128 << WINDOW).saturating_sub(1);
        self.outcomes = ((self.outcomes << 1) | u128::from(success)) & window;
        self.seen = self.seen.saturating_add(1).min(WINDOW);
    }

    /// Nothing is judged by fewer outcomes than the window holds.
    const fn is_dark(&self) -> bool {
        self.seen >= WINDOW && self.outcomes.count_ones() < SUCCESSES
    }
}

/// The two families.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Health {
    v4: Family,
    v6: Family,
}

impl Health {
    pub(crate) const fn new() -> Self {
        const NEW: Family = Family { outcomes: 0, seen: 0, probe: Timestamp::ZERO };
        Self { v4: NEW, v6: NEW }
    }

    fn of(&mut self, ip: IpAddr) -> &mut Family {
        if ip.is_ipv4() { &mut self.v4 } else { &mut self.v6 }
    }

    /// Whether nothing should be dialed in the family of an IP now.
    fn avoids(&self, ip: IpAddr, now: Timestamp) -> bool {
        let family = if ip.is_ipv4() { &self.v4 } else { &self.v6 };
        family.is_dark() && family.probe > now
    }
}

impl<I: NodeId, A: Address> Ledger<I, A> {
    /// Whether an address belongs to a family that leads nowhere, and it is not time for a probe.
    pub(crate) fn is_dark(&self, addr: &A) -> bool {
        self.config.family_health
            && addr.ip_addr().is_some_and(|ip| self.health.avoids(ip.to_canonical(), self.now))
    }

    /// A dial goes out: in a dark family it is the probe, and the next one has to wait.
    pub(crate) fn note_dialed(&mut self, addrs: &Addrs<A>) {
        if !self.config.family_health {
            return;
        }
        let next = self.now.saturating_add(self.config.backoff.short);
        for ip in addrs.iter().filter_map(Address::ip_addr) {
            let family = self.health.of(ip.to_canonical());
            if family.is_dark() {
                family.probe = next;
            }
        }
    }

    /// When a node that was refused for its family is looked at again. Spread, lest all of them come back at once whenever
    /// somebody else, a bootnode for example, has just taken the probe.
    pub(super) fn after_probe(&self, node: u32) -> Due {
        self.spread(node, nanos(self.config.backoff.medium))
    }

    /// An address has answered, or the transport has failed there.
    pub(crate) fn note_health(&mut self, ip: Option<IpAddr>, outcome: DialOutcome) {
        let charged = !matches!(outcome, DialOutcome::LocalError | DialOutcome::Cancelled);
        let counts = self.config.family_health && charged && !self.network.is_suspected();
        if let Some(ip) = ip.filter(|_| counts) {
            self.health.of(ip.to_canonical()).note(crate::backoff::proves_network(outcome));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_dark_after_a_window_without_success_and_light_again_after_five() {
        let mut family = Family::default();
        for _ in 0..99 {
            family.note(false);
            assert!(!family.is_dark());
        }
        family.note(false);
        assert!(family.is_dark());
        for _ in 0..4 {
            family.note(true);
            assert!(family.is_dark());
        }
        family.note(true);
        assert!(!family.is_dark());
        for _ in 0..95 {
            family.note(false);
        }
        assert!(!family.is_dark());
        family.note(false);
        assert!(family.is_dark());
    }
}
