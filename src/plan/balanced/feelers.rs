//! Feelers, which are off by default: now and then a node that was never tried, in a slot of its own.

use core::time::Duration;

use rand_core::Rng;

use super::Balanced;
use crate::address::Address;
use crate::command::{DialKind, WakeReason};
use crate::facts::Facts;
use crate::facts::waiting::Class;
use crate::node::NodeId;
use crate::plan::policy::{Policy, Step};
use crate::sample::instant;
use crate::time::nanos;

impl<A: Address> Balanced<A> {
    /// A feeler, if one is due: within half of the period to either side. Where there is nobody to probe, or the slot is
    /// taken, the next one is waited for.
    pub(super) fn feeler<I: NodeId>(&mut self, facts: &mut Facts<I, A>, rng: &mut impl Rng) -> Option<Step> {
        let period = facts.config.feeler_interval?;
        let half = Duration::from_nanos(nanos(period) / 2);
        let (now, longest) = (facts.now, period.saturating_add(half));
        let at = *self.next_feeler.get_or_insert_with(|| instant(rng, now, half, longest));
        if at > now {
            self.waits.add(WakeReason::Feeler, at);
            return None;
        }
        let next = instant(rng, now, half, longest);
        self.next_feeler = Some(next);
        let busy = Self::is_feeler_slot_taken(facts);
        let untried =
            facts.waiting.draw(Class::Fresh, rng).or_else(|| facts.waiting.draw(Class::Recent, rng));
        let Some(node) = untried.filter(|_| !busy) else {
            self.waits.add(WakeReason::Feeler, next);
            return None;
        };
        let permit = self.permit(facts, &self.subject(facts, node, DialKind::Feeler)?);
        if permit.is_ok() && !self.may_dial(facts, DialKind::Feeler) {
            return Some(Step::Looked);
        }
        self.begin_or_defer(facts, node, permit)
    }
}
