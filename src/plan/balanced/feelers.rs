//! What is off by default: feelers, and advice to replace a peer now and then.

use core::time::Duration;

use rand_core::Rng;

use crate::address::Address;
use crate::facts::Facts;
use crate::facts::budget::Budget;
use crate::facts::slots::PeerSlot;
use crate::node::NodeId;
use crate::sample::{below, within};
use crate::time::{Timestamp, nanos};

/// When the next feeler goes out, and the next peer is replaced.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Schedule {
    feeler: Option<Timestamp>,
    churn: Option<Timestamp>,
}

impl Schedule {
    pub(super) const NEW: Self = Self { feeler: None, churn: None };

    /// When the next feeler is due: within half of the period to either side, drawn once it is first asked for.
    pub(super) fn feeler<I: NodeId, A: Address>(
        &mut self,
        facts: &Facts<I, A>,
        rng: &mut impl Rng,
    ) -> Option<Timestamp> {
        let period = facts.config.feeler_interval?;
        Some(*self.feeler.get_or_insert_with(|| around(facts.now, rng, period)))
    }

    /// A feeler was due: when the one after it is.
    pub(super) fn next_feeler<I: NodeId, A: Address>(
        &mut self,
        facts: &Facts<I, A>,
        rng: &mut impl Rng,
    ) -> Option<Timestamp> {
        let period = facts.config.feeler_interval?;
        self.feeler = Some(around(facts.now, rng, period));
        self.feeler
    }

    /// When the next peer should be replaced: while all slots are filled.
    pub(super) fn churn<I: NodeId, A: Address>(
        &mut self,
        facts: &Facts<I, A>,
        rng: &mut impl Rng,
    ) -> Option<Timestamp> {
        let churn = facts.config.churn.as_ref()?;
        if facts.peers.outbound(Budget::Dynamic) < facts.config.dynamic_target.max(2) {
            self.churn = None;
            return None;
        }
        Some(*self.churn.get_or_insert_with(|| between(facts.now, rng, churn.min, churn.max)))
    }

    /// It is time to replace a peer: a random one, if that is old enough, and no static node.
    pub(super) fn replaced<I: NodeId, A: Address>(
        &mut self,
        facts: &Facts<I, A>,
        rng: &mut impl Rng,
    ) -> Option<PeerSlot> {
        self.churn = None;
        let churn = facts.config.churn.as_ref()?;
        let peers = facts.peers.of_budget(Budget::Dynamic);
        let chosen = peers.get(below(rng, peers.len()))?;
        let peer = facts.peers.get(chosen)?;
        let old = facts.now.saturating_since(peer.since()) >= churn.min_age;
        let stays = facts.peers.is_leaving(chosen) || facts.is_static(peer.node());
        (old && !stays).then_some(chosen)
    }
}

/// An instant about `period` from now, half of it earlier or later: one draw.
fn around(now: Timestamp, rng: &mut impl Rng, period: Duration) -> Timestamp {
    let half = Duration::from_nanos(nanos(period) >> 1);
    between(now, rng, half, period.saturating_add(half))
}

/// An instant between `least` and `most` from now: one draw.
fn between(now: Timestamp, rng: &mut impl Rng, least: Duration, most: Duration) -> Timestamp {
    let width = nanos(most).saturating_sub(nanos(least));
    now.saturating_add(least).plus_nanos(within(rng, width))
}
