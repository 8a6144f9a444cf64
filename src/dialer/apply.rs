//! Each event: what changes, and what the plan is told.

use alloc::vec::Vec;
use core::ops::ControlFlow;

use rand_core::Rng;

use super::Dialer;
use crate::address::{Address, Addrs};
use crate::command::{DialId, DisconnectReason, LookupId, ResolveId, Side, Task};
use crate::error::{Collection, EventError};
use crate::event::{
    AddrOutcome, BanSubject, Change, ConnectionId, DialOutcome, Event, PeerKind, RemovalReason,
};
use crate::facts::attempt::{Attempt, Ended, Stage};
use crate::facts::nodes::Record;
use crate::facts::slots::AttemptSlot;
use crate::node::{Node, NodeId};
use crate::plan::policy::{Policy, Second};
use crate::refusal::Refusal;
use crate::stats::count;
use crate::time::Timestamp;

/// The most ends of bans that one event takes care of.
const BAN_ENDS: u32 = 256;

impl<I: NodeId, A: Address, R: Rng> Dialer<I, A, R> {
    /// Lets happen what is due. Tasks that are overdue because the host slept are not charged to any node.
    pub(super) fn expire(&mut self, charged: bool) {
        let now = self.facts.now;
        let due = |at: &Timestamp| *at <= now;
        while self.facts.attempts.first_deadline().is_some_and(|(_, at)| due(&at)) {
            self.expire_attempt(charged);
        }
        while self.facts.inbound.first().is_some_and(|(_, at)| due(&at)) {
            self.expire_handshake();
        }
        if self.facts.lookup.deadline().is_some_and(|at| due(&at)) {
            self.facts.give_up_lookup();
            self.plan.lookup_overdue();
        }
        for _ in 0..BAN_ENDS {
            let Some((ban, _)) = self.facts.bans.first().filter(|(_, at)| due(at)) else { break };
            self.lift(ban);
        }
        self.plan.time_passed(&mut self.facts);
    }

    /// The dial or resolve that is overdue first is given up: its slot is free, and the driver is told.
    fn expire_attempt(&mut self, charged: bool) {
        let Some((attempt, _)) = self.facts.attempts.first_deadline() else { return };
        let resolving = self.facts.attempts.get(attempt).is_some_and(|of| of.stage() == Stage::Resolving);
        if !resolving {
            count(&mut self.facts.stats.dials_overdue);
        }
        let ended = match (charged, resolving) {
            (false, _) => Ended::Moot,
            (true, true) => Ended::Unresolved,
            (true, false) => Ended::Overdue,
        };
        if ended == Ended::Unresolved {
            self.facts.unresolved(attempt);
        }
        self.plan.end(&mut self.facts, attempt, ended);
    }

    fn expire_handshake(&mut self) {
        if let Some(node) = self.facts.expire_handshake() {
            self.plan.handshake_ended(&mut self.facts, node);
        }
    }

    /// Applies an event, wholly or, with an error, not at all.
    pub(super) fn apply(&mut self, event: Event<I, A>) -> Result<(), EventError> {
        match event {
            Event::StaticAdded(node) => return self.static_added(node),
            Event::StaticRemoved(id) => self.static_removed(&id),
            Event::NodeDiscovered { node, source, vouched } => {
                self.plan.discovered(&mut self.facts, node, source, vouched);
            }
            Event::NodeRestored(known) => self.plan.restored(&mut self.facts, known),
            Event::NodeForgotten(id) => self.forgotten(&id),
            Event::PeerAdded { id, .. } if id == self.facts.me => return Err(EventError::OwnId),
            Event::PeerAdded { id, kind, addr } => self.peer_added(id, kind, addr),
            Event::PeerRemoved { id, reason } => self.peer_removed(&id, reason),
            Event::InboundPending { connection, id } => self.inbound_pending(connection, id),
            Event::InboundEnded { connection } => self.inbound_ended(connection),
            Event::DialConnected { dial, addr, tried } => return self.dial_connected(dial, addr, &tried),
            Event::DialFinished { dial, outcome, tried } => return self.dial_finished(dial, outcome, &tried),
            Event::ResolveFinished { resolve, addrs } => return self.resolve_finished(resolve, addrs),
            Event::LookupFinished { lookup, nodes } => return self.lookup_finished(lookup, nodes),
            Event::DialRequested(id) => return self.dial_requested(id),
            Event::Banned { subject, until } => return self.ban(subject, until),
            Event::Unbanned(subject) => {
                if let Some(ban) = self.facts.bans.find(&subject) {
                    self.lift(ban);
                }
            }
            Event::NetworkChanged => self.plan.network_changed(&mut self.facts),
            Event::Reconfigured(change) => return self.reconfigure(change),
            Event::Tick => {}
            Event::Restarted => self.restarted(),
        }
        Ok(())
    }

    fn static_added(&mut self, node: Node<I, A>) -> Result<(), EventError> {
        let Node { id, mut addrs } = node;
        let facts = &mut self.facts;
        if id == facts.me {
            return Err(EventError::OwnId);
        }
        let record = facts.nodes.find(&id).and_then(|node| facts.nodes.get(node));
        let listed = record.is_some_and(Record::is_static);
        let cap = facts.config.limits.statics;
        if !listed && facts.statics.len() >= cap {
            return Err(EventError::Full { what: Collection::Statics, cap });
        }
        if !listed || self.plan.relists() {
            facts.clean(&mut addrs);
            let node = facts.intern(id);
            let moved = facts.list_static(node, addrs);
            self.plan.static_added(facts, node, moved);
        }
        Ok(())
    }

    fn static_removed(&mut self, id: &I) {
        if let Some(node) = self.facts.nodes.find(id) {
            let was_static = self.facts.unlist_static(node);
            self.plan.static_removed(&mut self.facts, node, was_static);
        }
    }

    fn forgotten(&mut self, id: &I) {
        let known = |record: &Record<A>| record.is_known();
        let node = self.facts.nodes.find(id).filter(|node| self.facts.nodes.get(*node).is_some_and(known));
        if let Some(node) = node {
            self.plan.forgotten(&mut self.facts, node);
        }
    }

    /// A node is connected. If it is already, the plan says what becomes of the two connections.
    fn peer_added(&mut self, id: I, kind: PeerKind, addr: Option<A>) {
        let facts = &mut self.facts;
        let node = facts.intern(id);
        let connected = addr.clone();
        let first =
            facts.nodes.get(node).and_then(|record| facts.peers.get(record.peer()?)).map(|of| of.kind());
        match first.map(|first| self.plan.second(facts, node, first, kind)) {
            None | Some(Second::Replaces) => facts.connect(node, kind, addr),
            Some(Second::Ignored) => {}
            Some(Second::Closes(side)) => {
                if (kind == PeerKind::Inbound) == (side == Side::Outbound) {
                    facts.connect(node, kind, addr);
                }
                if let Some(peer) = facts.nodes.get(node).and_then(Record::peer) {
                    facts.peers.dismiss(peer, DisconnectReason::Duplicate { close: side });
                }
            }
        }
        // Whoever is excluded is so with every connection, also with one that comes while another is being closed.
        if let Some(peer) = self.facts.nodes.get(node).and_then(Record::peer) {
            self.enforce_on_peer(peer);
        }
        self.plan.connected(&mut self.facts, node, kind, connected.as_ref());
    }

    fn peer_removed(&mut self, id: &I, reason: RemovalReason) {
        if reason == RemovalReason::Duplicate {
            return;
        }
        let Some(node) = self.facts.nodes.find(id) else { return };
        if let Some(peer) = self.facts.disconnect(node) {
            self.plan.session_ended(&mut self.facts, &peer, reason);
        }
    }

    /// A handshake begins. If the connection is pending already, it begins again; at the cap the one that would
    /// expire first gives way.
    fn inbound_pending(&mut self, connection: ConnectionId, id: I) {
        self.inbound_ended(connection);
        if self.facts.inbound.len() >= self.facts.config.limits.inbound_handshakes {
            self.expire_handshake();
        }
        let node = self.facts.begin_handshake(connection, id);
        self.plan.settle(&mut self.facts, node);
    }

    fn inbound_ended(&mut self, connection: ConnectionId) {
        if let Some(node) = self.facts.end_handshake(connection) {
            self.plan.handshake_ended(&mut self.facts, node);
        }
    }

    /// A dial has connected: its node is a peer, and its attempt ends.
    fn dial_connected(
        &mut self,
        dial: DialId,
        addr: Option<A>,
        tried: &[AddrOutcome<A>],
    ) -> Result<(), EventError> {
        let attempt = self.facts.answered(Task::Dial(dial))?;
        let of = self.facts.attempts.get(attempt);
        let of = of.and_then(|of| Some((self.facts.nodes.key(of.node())?, of.kind())));
        if let Some((id, kind)) = of {
            let winner = tried.iter().find(|one| one.outcome == DialOutcome::Connected);
            let addr = addr.or_else(|| winner.map(|one| one.addr.clone()));
            self.peer_added(id, PeerKind::Outbound(kind), addr);
        }
        self.dial_ends(attempt, DialOutcome::Connected, tried);
        Ok(())
    }

    /// The dial of an attempt was answered.
    fn dial_finished(
        &mut self,
        dial: DialId,
        outcome: DialOutcome,
        tried: &[AddrOutcome<A>],
    ) -> Result<(), EventError> {
        if outcome == DialOutcome::Connected {
            let attempt = self.facts.dialing(dial)?;
            if !self.facts.attempts.get(attempt).is_some_and(Attempt::is_reached) {
                return Err(EventError::NotConnected(dial));
            }
        }
        let attempt = self.facts.answered(Task::Dial(dial))?;
        self.dial_ends(attempt, outcome, tried);
        Ok(())
    }

    /// An attempt whose dial was answered ends, or its static node is resolved and dialed once more.
    fn dial_ends(&mut self, attempt: AttemptSlot, outcome: DialOutcome, tried: &[AddrOutcome<A>]) {
        let facts = &mut self.facts;
        facts.stats.outcomes.count(outcome);
        if self.plan.dial_answered(facts, attempt, outcome, tried) {
            facts.resolve_again(attempt);
        } else if let Some(of) = facts.end_answered(attempt, Ended::Dial(outcome)) {
            self.plan.attempt_ended(facts, attempt, &of, Ended::Dial(outcome));
        }
    }

    /// The resolve of an attempt was answered: it is dialed at what was found, or ends. A revalidation ends with any answer.
    fn resolve_finished(&mut self, resolve: ResolveId, mut addrs: Addrs<A>) -> Result<(), EventError> {
        let facts = &mut self.facts;
        let attempt = facts.answered(Task::Resolve(resolve))?;
        facts.clean(&mut addrs);
        let addrs = self.plan.resolved(facts, attempt, addrs);
        let found = !addrs.is_empty();
        if found && !facts.attempts.revalidations().contains(attempt) {
            facts.resolved(attempt, addrs);
            return Ok(());
        }
        if !found {
            facts.unresolved(attempt);
        }
        let ended = if found { Ended::Found } else { Ended::Unresolved };
        if let Some(of) = facts.end_answered(attempt, ended) {
            self.plan.attempt_ended(facts, attempt, &of, ended);
        }
        Ok(())
    }

    /// The lookup was answered. What is beyond the cap of an answer is dropped, lest one event take long.
    fn lookup_finished(&mut self, lookup: LookupId, mut nodes: Vec<Node<I, A>>) -> Result<(), EventError> {
        self.facts.lookup_answered(lookup)?;
        let (stats, cap) = (&mut self.facts.stats, self.facts.config.limits.lookup_answer as usize);
        stats.lookup_nodes = stats.lookup_nodes.saturating_add(nodes.len() as u64);
        stats.dropped = stats.dropped.saturating_add(nodes.len().saturating_sub(cap) as u64);
        nodes.truncate(cap);
        self.plan.found(&mut self.facts, nodes);
        Ok(())
    }

    /// Notes a request of the operator. It waits for nothing but a slot.
    fn dial_requested(&mut self, id: I) -> Result<(), EventError> {
        let facts = &mut self.facts;
        if let Some(refusal) = facts.refuses_all() {
            return Err(EventError::NotDialable(refusal));
        }
        let subject = self.plan.requested(facts, id);
        // Not every policy asks whether a node without an address can be resolved.
        let unresolvable = || facts.check_resolvable(&subject, &mut ControlFlow::Break).break_value();
        // A revalidation makes way for the dial, when its turn comes.
        let attempt = subject.record().and_then(Record::attempt);
        let asked = attempt.is_some_and(|attempt| facts.attempts.revalidations().contains(attempt));
        let refusal = self.plan.check(facts, &subject, &mut |refusal| {
            let makes_way = asked && matches!(refusal, Refusal::InAttempt { .. });
            if makes_way { ControlFlow::Continue(()) } else { ControlFlow::Break(refusal) }
        });
        if let Some(refusal) = refusal.break_value().or_else(unresolvable) {
            return Err(EventError::NotDialable(refusal));
        }
        let cap = facts.config.limits.requested;
        if facts.requested.contains(&id) {
            return Ok(());
        }
        if facts.requested.len() >= cap as usize {
            return Err(EventError::Full { what: Collection::Requested, cap });
        }
        facts.requested.push_back(id);
        Ok(())
    }

    fn ban(&mut self, subject: BanSubject<I>, until: Option<Timestamp>) -> Result<(), EventError> {
        self.facts.has_room_for_ban(&subject)?;
        if let Some(ban) = self.facts.bans.find(&subject) {
            self.lift(ban);
        }
        if until.is_none_or(|until| until > self.facts.now) {
            self.facts.ban(subject, until);
            match subject {
                BanSubject::Id(id) => self.enforce_on(&id),
                BanSubject::Network(_) => self.enforce_on_all(),
            }
        }
        Ok(())
    }

    fn reconfigure(&mut self, change: Change<I, A>) -> Result<(), EventError> {
        let mut config = self.facts.config.clone();
        match change {
            Change::DynamicTarget(target) => config.dynamic_target = target,
            Change::MaxActiveDials(limit) => config.max_active_dials = limit,
            Change::Restrict(list) => config.restrict = list,
            Change::Bootnodes(nodes) => config.bootnodes = nodes,
            Change::Dialing(dialing) => config.dialing = dialing,
        }
        config.validate_for(&self.facts.me).map_err(EventError::InvalidChange)?;
        let before = self.facts.reconfigure(config);
        self.follow(&before);
        Ok(())
    }
}
