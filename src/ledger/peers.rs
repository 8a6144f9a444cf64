//! Who is connected, and who should not be.

use alloc::vec::Vec;

use super::Ledger;
use super::attempts::{Attempt, Budget};
use super::dense::Dense;
use super::groups::Held;
use super::slab::{NONE, Slab};
use crate::address::Address;
use crate::command::{Command, DialKind, DisconnectReason, Side};
use crate::event::{PeerKind, RemovalReason};
use crate::node::NodeId;
use crate::refusal::Refusal;
use crate::time::Timestamp;

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Peer<A> {
    pub(crate) node: u32,
    pub(crate) kind: PeerKind,
    addr: Option<A>,
    pub(crate) since: Timestamp,
    pub(super) held: Held,
    /// The disconnect that is owed to the driver.
    pub(super) owed: Option<DisconnectReason>,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Peers<A> {
    pub(super) slab: Slab<Peer<A>>,
    pub(super) inbound: Dense,
    /// Outbound, by budget.
    pub(super) outbound: [Dense; 3],
    /// Those with an owed disconnect.
    pub(super) owing: Dense,
    /// Those that were advised to be closed, owed or not.
    pub(super) leaving: Dense,
}

/// How many slots of peers and attempts are still to be checked against new rules, from the last one down. Whatever
/// comes later is checked as it comes.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Sweep {
    peers: u32,
    attempts: u32,
}

impl<A> Peers<A> {
    pub(crate) const fn new() -> Self {
        Self {
            slab: Slab::new(),
            inbound: Dense::new(),
            outbound: [const { Dense::new() }; 3],
            owing: Dense::new(),
            leaving: Dense::new(),
        }
    }

    pub(crate) fn get(&self, peer: u32) -> Option<&Peer<A>> {
        self.slab.get(peer)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.slab.len() == 0
    }

    pub(crate) fn inbound(&self) -> u32 {
        self.inbound.len()
    }

    pub(crate) fn outbound(&self, budget: Budget) -> u32 {
        self.of_budget(budget).len()
    }

    pub(crate) const fn of_budget(&self, budget: Budget) -> &Dense {
        let [fixed, dynamic, feeler] = &self.outbound;
        match budget {
            Budget::Static => fixed,
            Budget::Dynamic => dynamic,
            Budget::Feeler => feeler,
        }
    }

    /// The budget of an outbound peer.
    pub(crate) fn budget(&self, peer: u32) -> Option<Budget> {
        match self.slab.get(peer)?.kind {
            PeerKind::Outbound(kind) => Some(Budget::of(kind)),
            PeerKind::Inbound => None,
        }
    }

    /// The set that a peer of this kind is in.
    fn set(&mut self, kind: PeerKind) -> &mut Dense {
        let [fixed, dynamic, feeler] = &mut self.outbound;
        match kind {
            PeerKind::Inbound => &mut self.inbound,
            PeerKind::Outbound(kind) => match Budget::of(kind) {
                Budget::Static => fixed,
                Budget::Dynamic => dynamic,
                Budget::Feeler => feeler,
            },
        }
    }

    /// Whether a peer was advised to be closed.
    pub(crate) fn is_leaving(&self, peer: u32) -> bool {
        self.leaving.contains(peer)
    }

    fn owe(&mut self, peer: u32, reason: DisconnectReason) {
        if let Some(of) = self.slab.get_mut(peer) {
            of.owed = Some(reason);
            self.owing.insert(peer);
            if !matches!(reason, DisconnectReason::Duplicate { .. }) {
                self.leaving.insert(peer);
            }
        }
    }
}

impl<I: NodeId, A: Address> Ledger<I, A> {
    /// A node is connected. If it is already, one of the two connections has to go: in balanced the one that the
    /// node with the larger id dialed, so that both sides choose the same; classic believes the last word.
    pub(crate) fn add_peer(&mut self, id: I, kind: PeerKind, addr: Option<A>) {
        let connected = addr.clone();
        let node = self.intern(id);
        let old = self.nodes.get(node).map_or(NONE, |record| record.peer);
        let old_kind = self.peers.get(old).map(|peer| peer.kind);
        let crossed = old_kind.is_some_and(|old| (old == PeerKind::Inbound) != (kind == PeerKind::Inbound));
        if self.ranks() && crossed {
            let keep_inbound = id < self.me;
            let close = if keep_inbound { Side::Outbound } else { Side::Inbound };
            if (kind == PeerKind::Inbound) == keep_inbound {
                self.replace_peer(node, kind, addr);
            }
            let peer = self.nodes.get(node).map_or(NONE, |record| record.peer);
            self.peers.owe(peer, DisconnectReason::Duplicate { close });
        } else if old_kind != Some(kind) {
            self.replace_peer(node, kind, addr);
        }
        // Whoever is excluded is so with every connection, also with one that comes while another is being closed.
        self.check_peer(self.nodes.get(node).map_or(NONE, |record| record.peer));
        if self.ranks() {
            self.succeeded();
            self.yield_to_inbound(&id, node, kind);
            if kind == PeerKind::Inbound {
                self.settle(node)
            } else {
                self.welcome(node, kind, connected.as_ref())
            }
        }
    }

    pub(super) fn is_outbound(&self, node: u32) -> bool {
        self.nodes.get(node).is_some_and(|record| self.peers.budget(record.peer).is_some())
    }

    /// A dial has led to a peer: its node is good, the address that connected comes first, and a feeler has done all
    /// that it was for.
    fn welcome(&mut self, node: u32, kind: PeerKind, addr: Option<&A>) {
        self.promote(node);
        if let Some(addr) = addr {
            self.prefer(node, addr);
        }
        let peer = self.nodes.get(node).map_or(NONE, |record| record.peer);
        let stays = self.peers.get(peer).is_some_and(|peer| peer.kind == kind);
        if stays && kind == PeerKind::Outbound(DialKind::Feeler) {
            self.dismiss(peer, DisconnectReason::FeelerDone);
        }
    }

    /// If both sides dial at the same moment, the connection dialed by the smaller id stays: the larger one gives
    /// its own dial up as soon as the other's connection is there.
    fn yield_to_inbound(&mut self, id: &I, node: u32, kind: PeerKind) {
        let attempt = self.nodes.get(node).map_or(NONE, |record| record.attempt);
        if kind == PeerKind::Inbound && *id < self.me {
            self.cancel(attempt);
        }
    }

    fn replace_peer(&mut self, node: u32, kind: PeerKind, addr: Option<A>) {
        self.drop_peer(node);
        let attempt = self.nodes.get(node).map_or(NONE, |record| record.attempt);
        let dialed = self.attempts.get(attempt).and_then(|of| of.addrs.first()).cloned();
        let outbound = kind != PeerKind::Inbound;
        let addr = if outbound { addr.or(dialed) } else { addr };
        let counts = outbound && self.config.diversity.is_some();
        let held = if counts { self.groups.hold(&addr) } else { Held::new() };
        let peer = Peer { node, kind, addr, since: self.now, held, owed: None };
        let slot = self.peers.slab.insert(peer);
        self.peers.set(kind).insert(slot);
        if let Some(record) = self.nodes.get_mut(node) {
            record.peer = slot;
        }
        self.attempts.set_met(attempt, self.peers.budget(slot));
        self.rehold(attempt);
        self.settle(node);
    }

    /// A connection is gone.
    pub(crate) fn remove_peer(&mut self, id: &I, reason: RemovalReason) {
        if reason == RemovalReason::Duplicate {
            return;
        }
        let Some(node) = self.find(id) else { return };
        let Some(peer) = self.drop_peer(node) else { return };
        let attempt = self.nodes.get(node).map_or(NONE, |record| record.attempt);
        self.attempts.set_met(attempt, None);
        self.rehold(attempt);
        let length = self.now.saturating_since(peer.since);
        self.judge_session(node, peer.kind != PeerKind::Inbound, length, reason);
    }

    fn drop_peer(&mut self, node: u32) -> Option<Peer<A>> {
        let slot = core::mem::replace(&mut self.nodes.get_mut(node)?.peer, NONE);
        let peer = self.peers.slab.remove(slot)?;
        self.peers.set(peer.kind).remove(slot);
        self.peers.owing.remove(slot);
        self.peers.leaving.remove(slot);
        self.release(&peer.held);
        Some(peer)
    }

    /// Owes a disconnect to a peer that a ban or the restrict list excludes.
    fn check_peer(&mut self, slot: u32) {
        let Some(peer) = self.peers.slab.get(slot) else { return };
        let Some(id) = self.nodes.key(peer.node) else { return };
        let banned = self.bans.of_id(&id, self.now).is_some();
        let reason = match peer.addr.as_ref().and_then(|addr| self.excludes(addr)) {
            _ if banned => Some(DisconnectReason::Banned),
            Some(Refusal::Restricted) if self.ranks() => Some(DisconnectReason::Restricted),
            Some(Refusal::BannedNetwork { .. }) => Some(DisconnectReason::Banned),
            Some(_) | None => None,
        };
        if let Some(reason) = reason {
            self.peers.owe(slot, reason);
        }
    }

    /// A ban of one id takes effect on what is there.
    pub(crate) fn enforce_on(&mut self, id: &I) {
        let Some(node) = self.find(id) else { return };
        let (peer, attempt) =
            self.nodes.get(node).map_or((NONE, NONE), |record| (record.peer, record.attempt));
        self.check_peer(peer);
        self.cancel(attempt);
        self.settle(node);
    }

    /// New rules take effect on all that is there: on each peer and attempt when a drain gets to it.
    pub(crate) fn enforce_on_all(&mut self) {
        self.sweep = Sweep { peers: self.peers.slab.slots(), attempts: self.attempts.slots() };
    }

    /// Checks one peer or attempt against new rules. Returns whether there was one to check.
    pub(crate) fn enforce_next(&mut self) -> bool {
        if let Some(peer) = self.sweep.peers.checked_sub(1) {
            self.sweep.peers = peer;
            self.check_peer(peer);
            return true;
        }
        let Some(attempt) = self.sweep.attempts.checked_sub(1) else { return false };
        self.sweep.attempts = attempt;
        let excluded =
            |of: &Attempt<A>| !of.addrs.is_empty() && of.addrs.iter().all(|a| self.excludes(a).is_some());
        if self.attempts.get(attempt).is_some_and(excluded) {
            self.cancel(attempt);
        }
        true
    }

    /// Advises to close a connection.
    pub(crate) fn dismiss(&mut self, peer: u32, reason: DisconnectReason) {
        self.peers.owe(peer, reason);
    }

    /// The dynamic target was lowered: attempts above it are cancelled, and peers are disconnected, the newest first.
    pub(crate) fn shrink(&mut self) {
        let target = self.config.dynamic_target;
        let mut staying: Vec<(Timestamp, u32)> = Vec::new();
        for slot in self.peers.of_budget(Budget::Dynamic).iter() {
            let peer = self.peers.get(slot).filter(|_| !self.peers.is_leaving(slot));
            staying.extend(peer.map(|peer| (peer.since, slot)));
        }
        let free = target.saturating_sub(staying.len() as u32);
        let mut attempts: Vec<_> = self.attempts.of_budget(Budget::Dynamic).iter().collect();
        let spare = attempts.split_off(attempts.len().min(free as usize));
        for attempt in spare {
            self.cancel(attempt);
        }
        staying.sort_unstable();
        for (_, slot) in staying.split_off(staying.len().min(target as usize)) {
            self.dismiss(slot, DisconnectReason::OverTarget);
        }
    }

    /// The next disconnect that is owed.
    pub(crate) fn issue_disconnect(&mut self) -> Option<Command<I, A>> {
        let slot = self.peers.owing.pop()?;
        let peer = self.peers.slab.get_mut(slot)?;
        let reason = peer.owed.take()?;
        let id = self.nodes.key(peer.node)?;
        Some(Command::Disconnect { id, reason })
    }
}
