//! The harness's own books, kept from nothing but events and commands: who is connected, pending, banned, static,
//! in flight.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use dialstate::{
    BanSubject, Change, DialId, DialKind, LookupId, Notice, PeerKind, Profile, RemovalReason, ResolveId,
    Task, Timestamp,
};

use super::counts::Counts;
use super::step::answered;
use super::{Broken, ensure, pool};
use crate::world::{Command, Config, Event, Id};

/// A task that the dialer asked for.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) task: Task,
    /// Whom it is about; of a lookup: nobody.
    pub(super) id: Option<Id>,
    /// Of a resolve: one of its budget, or `None` where that can't be told.
    pub(super) kind: Option<DialKind>,
    pub(super) addrs: Vec<SocketAddr>,
    pub(super) deadline: Option<Timestamp>,
    /// When it was asked for.
    pub(super) since: Timestamp,
}

/// An inbound handshake.
#[derive(Clone, Copy, Debug)]
struct Pending {
    id: Id,
    until: Timestamp,
    order: u64,
    /// In scheduler the first handshake with a node that ends lets it be dialed, whatever others are under way.
    waived: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Book {
    pub(super) counts: Counts,
    pub(super) balanced: bool,
    /// The config in force.
    pub(super) config: Config,
    /// The latest instant of any event.
    pub(super) now: Timestamp,
    pub(super) peers: BTreeMap<Id, PeerKind>,
    pub(super) statics: BTreeSet<Id>,
    pub(super) bans: BTreeMap<BanSubject<Id>, Option<Timestamp>>,
    /// By token.
    pub(super) flights: BTreeMap<u64, Flight>,
    /// Those whose answer the dialer refused because they had ended: their cancel is owed.
    pub(super) ended: BTreeSet<u64>,
    /// Ids whose attempt may go on with another command.
    pub(super) between: BTreeSet<Id>,
    /// Ids whose last resolve brought addresses. (Classic dials them whatever the rules say.)
    pub(super) resolved: BTreeSet<Id>,
    /// Ids that an operator has asked for.
    pub(super) requested: BTreeSet<Id>,
    pending: BTreeMap<u64, Pending>,
    inbound_order: u64,
    last_token: u64,
}

impl Book {
    pub(super) fn new(config: Config, now: Timestamp) -> Self {
        Self {
            counts: Counts::default(),
            balanced: config.profile() == Profile::Balanced,
            config,
            now,
            peers: BTreeMap::new(),
            statics: BTreeSet::new(),
            bans: BTreeMap::new(),
            flights: BTreeMap::new(),
            ended: BTreeSet::new(),
            between: BTreeSet::new(),
            resolved: BTreeSet::new(),
            requested: BTreeSet::new(),
            pending: BTreeMap::new(),
            inbound_order: 0,
            last_token: 0,
        }
    }

    fn nth(&self, k: u8, of: impl Fn(&Flight) -> bool) -> Option<&Flight> {
        let all: Vec<_> = self.flights.values().filter(|flight| of(flight)).collect();
        all.get(usize::from(k).checked_rem(all.len())?).copied()
    }

    /// The k-th dial in flight, modulo.
    pub(super) fn dial(&self, k: u8) -> Option<(DialId, &Flight)> {
        let flight = self.nth(k, |flight| matches!(flight.task, Task::Dial(_)))?;
        if let Task::Dial(dial) = flight.task { Some((dial, flight)) } else { None }
    }

    /// The k-th resolve in flight, modulo.
    pub(super) fn resolve(&self, k: u8) -> Option<(ResolveId, Id)> {
        let flight = self.nth(k, |flight| matches!(flight.task, Task::Resolve(_)))?;
        if let Task::Resolve(resolve) = flight.task { Some((resolve, flight.id?)) } else { None }
    }

    /// The lookup in flight.
    pub(super) fn lookup(&self) -> Option<LookupId> {
        let flight = self.nth(0, |flight| matches!(flight.task, Task::Lookup(_)))?;
        if let Task::Lookup(lookup) = flight.task { Some(lookup) } else { None }
    }

    /// The dial or resolve in flight for an id.
    pub(super) fn flight_of(&self, id: &Id) -> Option<&Flight> {
        self.flights.values().find(|flight| flight.id.as_ref() == Some(id))
    }

    pub(super) fn is_scheduler(&self) -> bool {
        self.config.profile() == Profile::Scheduler
    }

    pub(super) fn is_pending(&self, id: &Id) -> bool {
        self.pending.values().any(|pending| pending.id == *id && !pending.waived)
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn is_banned(&self, addr: &SocketAddr) -> bool {
        let covers = |subject: &BanSubject<Id>| match subject {
            BanSubject::Id(_) => false,
            BanSubject::Network(network) => pool::holds(*network, addr.ip()),
        };
        self.bans.keys().any(covers)
    }

    pub(super) fn is_restricted(&self, addr: &SocketAddr) -> bool {
        let list = self.config.restrict.as_ref();
        list.is_some_and(|list| !list.iter().any(|network| pool::holds(*network, addr.ip())))
    }

    /// Time moves: bans end and handshakes expire.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.counts.clock_regressions += u64::from(now < self.now);
        self.now = self.now.max(now);
        self.bans.retain(|_, until| until.is_none_or(|until| until > self.now));
        let expired: Vec<u64> = self
            .pending
            .iter()
            .filter(|(_, of)| of.until <= self.now)
            .map(|(connection, _)| *connection)
            .collect();
        self.counts.inbound_expired += expired.len() as u64;
        expired.into_iter().for_each(|connection| self.handshake_ended(connection));
    }

    fn handshake_ended(&mut self, connection: u64) {
        let Some(ended) = self.pending.remove(&connection) else { return };
        let scheduler = self.is_scheduler();
        let same = self.pending.values_mut().filter(|pending| scheduler && pending.id == ended.id);
        same.for_each(|pending| pending.waived = true);
    }

    /// Enters an event that the dialer took.
    pub(super) fn enter(&mut self, event: &Event) {
        match event {
            Event::StaticAdded(node) => drop(self.statics.insert(node.id)),
            Event::StaticRemoved(id) => drop(self.statics.remove(id)),
            Event::PeerAdded { id, kind, .. } => self.peer_added(*id, *kind),
            Event::PeerRemoved { reason: RemovalReason::Duplicate, .. } => {}
            Event::PeerRemoved { id, .. } => drop(self.peers.remove(id)),
            Event::InboundPending { connection, id } => self.inbound_pending(connection.0, *id),
            Event::InboundEnded { connection } => self.handshake_ended(connection.0),
            Event::DialRequested(id) => drop(self.requested.insert(*id)),
            Event::Banned { subject, until } => {
                self.bans.insert(canonical(*subject), *until);
                self.advance(self.now);
            }
            Event::Unbanned(subject) => drop(self.bans.remove(&canonical(*subject))),
            Event::Reconfigured(change) => self.reconfigured(change),
            Event::Restarted => self.restarted(),
            Event::DialConnected { dial, .. } => {
                let flight = self.flights.get(&dial.as_raw());
                if let Some((id, kind)) = flight.and_then(|flight| flight.id.zip(flight.kind)) {
                    self.peer_added(id, PeerKind::Outbound(kind));
                }
                self.answered(event);
            }
            Event::DialFinished { .. } | Event::ResolveFinished { .. } | Event::LookupFinished { .. } => {
                self.answered(event);
            }
            _ => {}
        }
    }

    /// The dialer says that a task has ended already: if the driver was not told, it will be.
    pub(super) fn refused(&mut self, event: &Event) {
        let Some(task) = answered(event) else { return };
        if self.flights.get(&token(task)).is_some_and(|flight| flight.task == task) {
            self.ended.insert(token(task));
        }
    }

    /// If both ends have dialed, balanced keeps the connection dialed by the smaller id; else the last word counts.
    fn peer_added(&mut self, id: Id, kind: PeerKind) {
        let inbound = kind == PeerKind::Inbound;
        let crossed = self.peers.get(&id).is_some_and(|old| (*old == PeerKind::Inbound) != inbound);
        if !self.balanced || !crossed || inbound == (id < pool::ME) {
            self.peers.insert(id, kind);
        }
    }

    fn inbound_pending(&mut self, connection: u64, id: Id) {
        self.handshake_ended(connection);
        if self.pending.len() >= self.config.limits.inbound_handshakes as usize {
            let oldest = self.pending.iter().min_by_key(|(_, pending)| pending.order);
            let oldest = oldest.map(|(connection, _)| *connection);
            oldest.into_iter().for_each(|connection| self.handshake_ended(connection));
            self.counts.inbound_expired += 1;
        }
        self.inbound_order += 1;
        let until = self.now.saturating_add(self.config.deadlines.inbound_handshake);
        self.pending.insert(connection, Pending { id, until, order: self.inbound_order, waived: false });
    }

    /// Nothing is under way and nobody is connected any more. Dials that were in flight count as given up.
    fn restarted(&mut self) {
        let dials = self.flights.values().filter(|flight| matches!(flight.task, Task::Dial(_))).count();
        self.counts.dials_given_up += dials as u64;
        self.flights.clear();
        self.ended.clear();
        self.between.clear();
        self.resolved.clear();
        self.peers.clear();
        self.pending.clear();
    }

    fn reconfigured(&mut self, change: &Change<Id, SocketAddr>) {
        match change {
            Change::DynamicTarget(target) => self.config.dynamic_target = *target,
            Change::MaxActiveDials(active) => self.config.max_active_dials = *active,
            Change::Restrict(list) => self.config.restrict.clone_from(list),
            Change::Bootnodes(nodes) => self.config.bootnodes.clone_from(nodes),
            Change::Dialing(on) => self.config.dialing = *on,
            _ => {}
        }
    }

    fn answered(&mut self, event: &Event) {
        let flight = answered(event).and_then(|task| self.flights.remove(&token(task)));
        let Some(id) = flight.and_then(|flight| flight.id) else { return };
        if matches!(event, Event::ResolveFinished { addrs, .. } if !addrs.is_empty()) {
            self.resolved.insert(id);
        }
        self.between.insert(id);
    }

    /// Enters a command.
    pub(super) fn told(&mut self, command: &Command) -> Result<(), Broken> {
        self.counts.command(command);
        match command {
            Command::Dial { dial, node, kind, deadline, .. } => {
                let addrs = node.addrs.as_slice().to_vec();
                self.resolved.remove(&node.id);
                self.fly(Task::Dial(*dial), Some(node.id), Some(*kind), addrs, *deadline)
            }
            Command::Resolve { resolve, id, deadline } => {
                self.resolved.remove(id);
                self.fly(Task::Resolve(*resolve), Some(*id), self.resolves_for(id), Vec::new(), *deadline)
            }
            Command::Lookup { lookup, deadline, .. } => {
                self.fly(Task::Lookup(*lookup), None, None, Vec::new(), *deadline)
            }
            Command::Cancel(task) => {
                let known = self.flights.remove(&token(*task)).is_some_and(|flight| flight.task == *task);
                self.ended.remove(&token(*task));
                ensure!(known, "cancelled, but not in flight: {task:?}");
                Ok(())
            }
            Command::Disconnect { .. } | Command::Sleep { .. } => Ok(()),
        }
    }

    /// What a resolve is for, where it can be for one budget only.
    fn resolves_for(&self, id: &Id) -> Option<DialKind> {
        let bootnode = self.config.bootnodes.iter().any(|node| node.id == *id);
        let asks = self.balanced && self.config.revalidation;
        match (self.statics.contains(id), bootnode, self.requested.contains(id)) {
            (true, false, _) => Some(DialKind::Static),
            // A revalidation holds no slot.
            (false, _, false) if self.config.feeler_interval.is_none() && !asks => Some(DialKind::Dynamic),
            _ => None,
        }
    }

    fn fly(
        &mut self,
        task: Task,
        id: Option<Id>,
        kind: Option<DialKind>,
        addrs: Vec<SocketAddr>,
        deadline: Option<Timestamp>,
    ) -> Result<(), Broken> {
        let number = token(task);
        ensure!(number > self.last_token, "token {number} after {}", self.last_token);
        self.last_token = number;
        if let Some(id) = id {
            self.between.remove(&id);
        }
        self.flights.insert(number, Flight { task, id, kind, addrs, deadline, since: self.now });
        Ok(())
    }

    /// Enters what an operator may want to know: classic deletes static nodes.
    pub(super) fn noticed(&mut self, notice: &Notice<Id>) {
        if let Notice::StaticDeleted { id, .. } = notice {
            self.statics.remove(id);
        }
    }
}

const fn token(task: Task) -> u64 {
    match task {
        Task::Dial(dial) => dial.as_raw(),
        Task::Resolve(resolve) => resolve.as_raw(),
        Task::Lookup(lookup) => lookup.as_raw(),
    }
}

fn canonical(subject: BanSubject<Id>) -> BanSubject<Id> {
    match subject {
        BanSubject::Network(network) => BanSubject::Network(pool::canonical(network)),
        BanSubject::Id(_) => subject,
    }
}
