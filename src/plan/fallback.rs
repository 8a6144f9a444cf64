//! Bootnodes of the balanced profile: when there is no outbound peer, one at a time, in turn, less and less often.

use core::time::Duration;

use crate::address::Address;
use crate::backoff::doubled;
use crate::check::{Permit, Subject};
use crate::command::DialKind;
use crate::ledger::attempts::Budget;
use crate::ledger::timers::Alarm;
use crate::ledger::{Ledger, NONE};
use crate::node::{Node, NodeId};
use crate::time::{Timestamp, nanos};

/// Where the bootnodes stand.
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
    /// Whose turn is next.
    turn: u32,
}

impl Fallback {
    pub(super) const NEW: Self = Self { alone: None, tried: 0, last: Timestamp::ZERO, turn: 0 };

    /// Whether a bootnode should be tried now; an alarm says when, if later.
    pub(super) fn is_due<I: NodeId, A: Address>(&mut self, ledger: &mut Ledger<I, A>) -> bool {
        let peers = &ledger.peers;
        if peers.outbound(Budget::Static) > 0 || peers.outbound(Budget::Dynamic) > 0 {
            self.alone = None;
            self.tried = 0;
            return false;
        }
        let alone = *self.alone.get_or_insert(ledger.now);
        let wanted = ledger.has_dynamic_slot() && !ledger.config.bootnodes.is_empty();
        if !wanted || under_way(ledger) {
            return false;
        }
        let fallback = &ledger.config.fallback;
        let wait = doubled(nanos(fallback.after), self.tried, nanos(fallback.max));
        let from = if self.tried == 0 { alone } else { self.last };
        let at = from.saturating_add(Duration::from_nanos(wait));
        if at > ledger.now {
            ledger.timers.set_alarm(Alarm::Fallback, at);
        }
        at <= ledger.now
    }

    /// The next bootnode that may be dialed. If none may, that counts as a try too.
    pub(super) fn choose<I: NodeId, A: Address>(&mut self, ledger: &Ledger<I, A>) -> Option<Permit<I, A>> {
        self.tried = self.tried.saturating_add(1);
        self.last = ledger.now;
        let count = ledger.config.bootnodes.len() as u32;
        for _ in 0..count {
            let turn = self.turn.checked_rem(count)?;
            self.turn = turn.saturating_add(1);
            let subject = subject(ledger, ledger.config.bootnodes.get(turn as usize)?);
            if let Ok(permit) = ledger.permit(&subject) {
                return Some(permit);
            }
        }
        None
    }
}

fn under_way<I: NodeId, A: Address>(ledger: &Ledger<I, A>) -> bool {
    let dynamic = ledger.attempts.of_budget(Budget::Dynamic).iter();
    dynamic.filter_map(|attempt| ledger.attempts.get(attempt)).any(|of| of.kind == DialKind::Bootnode)
}

/// A bootnode, with the addresses of the config.
fn subject<'a, I: NodeId, A: Address>(ledger: &Ledger<I, A>, bootnode: &'a Node<I, A>) -> Subject<'a, I, A> {
    let Node { id, addrs } = bootnode;
    let node = ledger.find(id).unwrap_or(NONE);
    Subject { id: *id, node, addrs: addrs.as_slice(), kind: DialKind::Bootnode }
}
