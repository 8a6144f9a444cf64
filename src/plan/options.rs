//! What is off by default: feelers, and advice to replace a peer now and then.

use core::time::Duration;

use rand_core::Rng;

use super::Step;
use crate::address::Address;
use crate::command::DisconnectReason;
use crate::config::Churn;
use crate::ledger::Ledger;
use crate::ledger::attempts::Budget;
use crate::ledger::timers::Alarm;
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

    /// A node that was never tried, if it is time for a feeler and none is under way: it should be probed.
    pub(super) fn feeler<I: NodeId, A: Address>(
        &mut self,
        ledger: &mut Ledger<I, A>,
        rng: &mut impl Rng,
    ) -> Option<u32> {
        let period = ledger.config.feeler_interval?;
        // Within half of the period to either side.
        let half = Duration::from_nanos(nanos(period) >> 1);
        let (least, most) = (half, period.saturating_add(half));
        let at = *self.feeler.get_or_insert_with(|| between(ledger.now, rng, least, most));
        let busy = ledger.attempts.active(Budget::Feeler) > 0 || ledger.peers.outbound(Budget::Feeler) > 0;
        if at > ledger.now {
            ledger.timers.set_alarm(Alarm::Feeler, at);
            return None;
        }
        self.feeler = Some(between(ledger.now, rng, least, most));
        let node = ledger.fresh.draw(rng).filter(|_| !busy);
        if let Some(next) = self.feeler.filter(|_| node.is_none()) {
            ledger.timers.set_alarm(Alarm::Feeler, next);
        }
        node
    }

    /// If all slots are filled, and have been for a while, one dynamic peer that is old enough is given up.
    pub(super) fn churn<I: NodeId, A: Address>(
        &mut self,
        ledger: &mut Ledger<I, A>,
        rng: &mut impl Rng,
    ) -> Option<Step> {
        let Churn { min, max, min_age } = ledger.config.churn.clone()?;
        let peers = ledger.peers.outbound(Budget::Dynamic);
        if peers < ledger.config.dynamic_target.max(2) {
            self.churn = None;
            return None;
        }
        let at = *self.churn.get_or_insert_with(|| between(ledger.now, rng, min, max));
        if at > ledger.now {
            ledger.timers.set_alarm(Alarm::Churn, at);
            return None;
        }
        self.churn = None;
        let chosen = ledger.peers.of_budget(Budget::Dynamic).get(below(rng, peers))?;
        let age =
            ledger.peers.get(chosen).map_or(Duration::ZERO, |peer| ledger.now.saturating_since(peer.since));
        if age >= min_age && !ledger.peers.is_leaving(chosen) {
            ledger.dismiss(chosen, DisconnectReason::Churn);
        }
        Some(Step::Looked)
    }
}

/// An instant between `least` and `most` from now: one draw.
fn between(now: Timestamp, rng: &mut impl Rng, least: Duration, most: Duration) -> Timestamp {
    let width = nanos(most).saturating_sub(nanos(least));
    now.saturating_add(least).saturating_add(Duration::from_nanos(within(rng, width)))
}
