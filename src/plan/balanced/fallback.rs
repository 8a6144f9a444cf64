//! Bootnodes: when there is no outbound peer, one at a time, in turn, less and less often.

use super::Balanced;
use crate::address::Address;
use crate::backoff::doubled;
use crate::command::{DialKind, WakeReason};
use crate::facts::Facts;
use crate::facts::attempting::Permit;
use crate::facts::budget::Budget;
use crate::node::NodeId;
use crate::plan::policy::{Policy, Step};
use crate::refusal::Refusal;
use crate::rules::Subject;
use crate::time::{Timestamp, nanos};

/// How the bootnodes were used since there was an outbound peer.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Fallback {
    /// Since when there has been no outbound peer. Inbound ones don't count: whoever is alone with peers that chose
    /// it has reason to look for others.
    alone: Option<Timestamp>,
    /// How many bootnodes were tried since then.
    tried: u32,
    /// When the last one was.
    last: Timestamp,
    /// Which bootnode is next.
    turn: u32,
}

impl Fallback {
    pub(super) const NEW: Self = Self { alone: None, tried: 0, last: Timestamp::ZERO, turn: 0 };

    /// Nothing is dialed: that there is no outbound peer counts from the next round on.
    pub(super) const fn paused(&mut self) {
        self.alone = None;
    }

    /// Notes since when there has been no outbound peer.
    pub(super) fn observe<I: NodeId, A: Address>(&mut self, facts: &Facts<I, A>) {
        let outbound = |budget| facts.peers.outbound(budget) > 0;
        if outbound(Budget::Static) || outbound(Budget::Dynamic) {
            self.alone = None;
            self.tried = 0;
        } else {
            self.alone.get_or_insert(facts.now);
        }
    }

    /// When the next bootnode should be tried, if one should.
    pub(super) fn due<I: NodeId, A: Address>(&self, facts: &Facts<I, A>) -> Option<Timestamp> {
        let alone = self.alone?;
        if facts.config.bootnodes.is_empty() || under_way(facts) {
            return None;
        }
        let config = &facts.config.fallback;
        let wait = doubled(nanos(config.after), self.tried, nanos(config.max));
        let from = if self.tried == 0 { alone } else { self.last };
        Some(from.plus_nanos(wait))
    }

    /// The next bootnode that may be dialed. If none may, that counts as a try too.
    pub(super) fn choose<I: NodeId, A: Address>(
        &mut self,
        facts: &Facts<I, A>,
        permit: impl Fn(&Subject<'_, I, A>) -> Result<Permit<I, A>, Refusal>,
    ) -> Option<Permit<I, A>> {
        self.tried = self.tried.saturating_add(1);
        self.last = facts.now;
        let count = facts.config.bootnodes.len() as u32;
        for _ in 0..count {
            let turn = self.turn.checked_rem(count)?;
            self.turn = turn.saturating_add(1);
            let node = facts.config.bootnodes.get(turn as usize)?;
            if let Ok(permit) = permit(&Subject::delivered(facts, node, DialKind::Bootnode)) {
                return Some(permit);
            }
        }
        None
    }
}

impl<A: Address> Balanced<A> {
    /// With no outbound peer for a while, a bootnode.
    pub(super) fn bootnode<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        self.fallback.observe(facts);
        let due = self.fallback.due(facts)?;
        if facts.attempts.active(Budget::Dynamic) >= facts.config.max_active_dials {
            return None;
        }
        // Without a slot it waits for the next dial that takes too long.
        let at = if self.missing(facts) > 0 { due } else { due.max(self.slow.next_release()?) };
        if at > facts.now {
            self.waits.add(WakeReason::Fallback, at);
            return None;
        }
        if !self.may_dial(facts, DialKind::Bootnode) {
            return None;
        }
        let mut fallback = self.fallback;
        let chosen = fallback.choose(facts, |subject| self.permit(facts, subject));
        self.fallback = fallback;
        match chosen {
            Some(permit) => self.begin(facts, permit),
            None => Some(Step::Looked),
        }
    }
}

fn under_way<I: NodeId, A: Address>(facts: &Facts<I, A>) -> bool {
    let dynamic = facts.attempts.of_budget(Budget::Dynamic).iter();
    dynamic.filter_map(|attempt| facts.attempts.get(attempt)).any(|of| of.kind() == DialKind::Bootnode)
}
