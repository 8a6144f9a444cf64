//! The reference model of the scheduler profile: go-ethereum's present dial scheduler, as naive as possible. It
//! shares no code with the dialer, keeps no timers and no tokens, and searches everything for every line.
//!
//! It takes lines of input and gives lines of output. Host names are left out, because traces have none.

pub mod rules;

use core::net::SocketAddr;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use dialstate::Timestamp;
use dialstate::ipnet::IpNet;

use crate::trace::{Header, Id, Input, InputLine, Kind, Link, Names, Outcome, Output, OutputLine, TraceNode};

const SECOND: u64 = 1_000_000_000;
const HISTORY: u64 = 35 * SECOND;
const RESOLVE_DELAY: u64 = 60 * SECOND;
const RESOLVE_DELAY_MAX: u64 = 3600 * SECOND;
/// What no limit of active dials means.
const MAX_ACTIVE_DIALS: i64 = 50;

/// A node and its endpoint, as one source knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Node {
    id: Id,
    addr: Option<SocketAddr>,
}

/// A static entry, or the throw-away record of a dynamic attempt.
#[derive(Clone, Copy, Debug)]
struct Record {
    node: Node,
    resolved: Option<u64>,
    delay: Option<u64>,
}

/// How far an attempt has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    FirstResolve,
    FirstDial,
    SecondResolve,
    SecondDial,
}

/// An attempt works on a record, and keeps it when the static entry is removed.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    kind: Kind,
    record: usize,
    stage: Stage,
}

/// Why a node may not be dialed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refused {
    /// It is the dialer itself.
    Itself,
    /// It has an IP, and no port.
    NoPort,
    /// An attempt to it is under way.
    Dialing,
    /// It is a peer.
    Connected,
    /// It has an inbound handshake under way.
    Pending,
    /// The restrict list doesn't have it.
    Restricted,
    /// It was dialed not long ago.
    Recent,
}

/// The whole state.
#[derive(Clone, Debug)]
pub struct Model {
    names: Names,
    me: Id,
    max_dial_peers: i64,
    max_active_dials: i64,
    restrict: Vec<IpNet>,
    resolver: bool,
    draw: u64,
    now: u64,
    /// All records that there ever were; attempts and static entries hold places in it.
    records: Vec<Record>,
    dialing: BTreeMap<Id, Attempt>,
    /// Attempts that are over, but for being taken out of `dialing`.
    ended: VecDeque<Id>,
    peers: BTreeMap<Id, Link>,
    dial_peers: i64,
    pending: BTreeSet<Id>,
    handshakes: BTreeMap<u64, Id>,
    statics: BTreeMap<Id, usize>,
    pool: Vec<Id>,
    /// Who was dialed, and until when that blocks; in the order of the starts.
    history: VecDeque<(Id, u64)>,
    candidates: VecDeque<Node>,
    commands: Vec<Output>,
}

impl Model {
    /// A model, and the commands of its first line.
    pub fn new(header: &Header, at: Timestamp) -> (Self, OutputLine) {
        let mut names = Names::default();
        let max_active_dials = header.max_active_dials.map_or(0, i64::from);
        let mut model = Self {
            me: names.note(header.me),
            names,
            max_dial_peers: header.max_dynamic.into(),
            max_active_dials: if max_active_dials == 0 { MAX_ACTIVE_DIALS } else { max_active_dials },
            restrict: header.restrict.clone(),
            resolver: header.discovery,
            draw: header.draw.map_or(0, |draw| draw.0),
            now: at.as_nanos(),
            records: Vec::new(),
            dialing: BTreeMap::new(),
            ended: VecDeque::new(),
            peers: BTreeMap::new(),
            dial_peers: 0,
            pending: BTreeSet::new(),
            handshakes: BTreeMap::new(),
            statics: BTreeMap::new(),
            pool: Vec::new(),
            history: VecDeque::new(),
            candidates: VecDeque::new(),
            commands: Vec::new(),
        };
        model.run();
        for node in &header.statics {
            let node = model.node(node);
            model.add_static(node);
            model.run();
        }
        let first = OutputLine::new(at, core::mem::take(&mut model.commands));
        (model, first)
    }

    /// What the original answers to a line. Events that it doesn't have count as a tick.
    pub fn line(&mut self, line: &InputLine) -> OutputLine {
        if line.at.as_nanos() > self.now {
            self.now = line.at.as_nanos();
            self.alarm();
            self.run();
        }
        self.apply(&line.input);
        self.run();
        OutputLine::new(line.at, core::mem::take(&mut self.commands))
    }

    fn apply(&mut self, input: &Input) {
        match input {
            Input::StaticAdded { node } => {
                let node = self.node(node);
                self.add_static(node);
            }
            Input::StaticRemoved { id } => {
                let id = self.names.note(*id);
                self.statics.remove(&id);
                self.leave_pool(&id);
            }
            Input::NodesDiscovered { nodes } => {
                for node in nodes {
                    let node = self.node(node);
                    self.candidates.push_back(node);
                }
            }
            Input::PeerAdded { id, kind, .. } => {
                let id = self.names.note(*id);
                self.peers.insert(id, *kind);
                self.dial_peers += i64::from(*kind != Link::Inbound);
                self.leave_pool(&id);
            }
            Input::PeerRemoved { id, .. } => {
                let id = id.bytes();
                let ours = self.peers.remove(&id).is_some_and(|kind| kind != Link::Inbound);
                self.dial_peers -= i64::from(ours);
                self.repool(&id);
            }
            Input::InboundPending { connection, id } => {
                let id = self.names.note(*id);
                self.handshakes.insert(*connection, id);
                self.pending.insert(id);
            }
            Input::InboundEnded { connection } => {
                if let Some(id) = self.handshakes.remove(connection) {
                    self.pending.remove(&id);
                    self.repool(&id);
                }
            }
            Input::DialFinished { id: Some(id), outcome, .. } => self.dial_finished(id.bytes(), *outcome),
            Input::ResolveFinished { id: Some(id), node, .. } => {
                let found = node.as_ref().map(|node| self.node(node));
                self.resolve_finished(id.bytes(), found);
            }
            _ => {}
        }
    }

    /// A multicast address counts as none.
    fn node(&mut self, node: &TraceNode) -> Node {
        let addr = node.addr.or_else(|| node.addrs.first().copied());
        Node { id: self.names.note(node.id), addr: addr.filter(|addr| !addr.ip().is_multicast()) }
    }

    fn add_static(&mut self, node: Node) {
        if !self.statics.contains_key(&node.id) {
            let record = self.keep(node);
            self.statics.insert(node.id, record);
            self.repool(&node.id);
        }
    }

    fn keep(&mut self, node: Node) -> usize {
        self.records.push(Record { node, resolved: None, delay: None });
        self.records.len() - 1
    }

    /// Takes out of history whatever expired before now; what expires just now still blocks.
    fn alarm(&mut self) {
        while let Some((id, expiry)) = self.history.front().copied()
            && expiry < self.now
        {
            self.history.pop_front();
            self.repool(&id);
        }
    }

    /// The loop: static nodes first, then candidates, until neither has anything to do at this instant.
    fn run(&mut self) {
        loop {
            while self.free() > 0 && !self.pool.is_empty() {
                let id = self.pool.swap_remove(self.place());
                self.start(Kind::Static, self.statics[&id]);
            }
            if let Some(id) = self.ended.pop_front() {
                self.dialing.remove(&id);
                self.repool(&id);
            } else if self.free() > 0
                && let Some(node) = self.candidates.pop_front()
            {
                if self.check(&node).is_none() {
                    let record = self.keep(node);
                    self.start(Kind::Dynamic, record);
                }
            } else {
                return;
            }
        }
    }

    fn free(&self) -> i64 {
        let slots = ((self.max_dial_peers - self.dial_peers) * 2).min(self.max_active_dials);
        slots - self.dialing.len() as i64
    }

    /// The place of the next draw in the pool.
    fn place(&self) -> usize {
        ((u128::from(self.draw) * self.pool.len() as u128) >> 64) as usize
    }

    fn leave_pool(&mut self, id: &Id) {
        if let Some(place) = self.pool.iter().position(|pooled| pooled == id) {
            self.pool.swap_remove(place);
        }
    }

    fn repool(&mut self, id: &Id) {
        if let Some(record) = self.statics.get(id)
            && !self.pool.contains(id)
            && self.check(&self.records[*record].node).is_none()
        {
            self.pool.push(*id);
        }
    }

    fn check(&self, node: &Node) -> Option<Refused> {
        let Node { id, addr } = node;
        let listed = |addr: &SocketAddr| self.restrict.iter().any(|net| net.contains(&addr.ip()));
        if *id == self.me {
            Some(Refused::Itself)
        } else if addr.is_some_and(|addr| addr.port() == 0) {
            Some(Refused::NoPort)
        } else if self.dialing.contains_key(id) {
            Some(Refused::Dialing)
        } else if self.peers.contains_key(id) {
            Some(Refused::Connected)
        } else if self.pending.contains(id) {
            Some(Refused::Pending)
        } else if !self.restrict.is_empty() && !addr.as_ref().is_some_and(listed) {
            Some(Refused::Restricted)
        } else if self.history.iter().any(|(recent, _)| recent == id) {
            Some(Refused::Recent)
        } else {
            None
        }
    }

    fn start(&mut self, kind: Kind, record: usize) {
        let Node { id, addr } = self.records[record].node;
        self.history.push_back((id, self.now + HISTORY));
        self.dialing.insert(id, Attempt { kind, record, stage: Stage::FirstDial });
        if kind == Kind::Static && addr.is_none() {
            self.resolve(id, Stage::FirstResolve);
        } else {
            self.dial(id, Stage::FirstDial);
        }
    }

    /// Dials, or fails at once if there is no endpoint that can be dialed.
    fn dial(&mut self, id: Id, stage: Stage) {
        let attempt = self.dialing.get_mut(&id).expect("it is in an attempt");
        attempt.stage = stage;
        let dialable = |addr: &SocketAddr| addr.port() != 0 && !addr.ip().is_unspecified();
        match self.records[attempt.record].node.addr.filter(dialable) {
            Some(addr) => {
                let dial = Output::dial(self.names.spell(&id), attempt.kind, &Some(addr));
                self.commands.push(dial);
            }
            None => self.dial_finished(id, Outcome::Unreachable),
        }
    }

    /// Resolves, or ends the attempt if that is refused.
    fn resolve(&mut self, id: Id, stage: Stage) {
        let attempt = self.dialing.get_mut(&id).expect("it is in an attempt");
        attempt.stage = stage;
        let record = attempt.record;
        if self.resolver && self.may_resolve(record) {
            self.records[record].delay.get_or_insert(RESOLVE_DELAY);
            self.commands.push(Output::Resolve { id: self.names.spell(&id) });
        } else {
            self.ended.push_back(id);
        }
    }

    fn may_resolve(&self, record: usize) -> bool {
        let Record { resolved, delay, .. } = self.records[record];
        resolved.is_none_or(|last| self.now - last >= delay.unwrap_or(RESOLVE_DELAY))
    }

    fn dial_finished(&mut self, id: Id, outcome: Outcome) {
        match self.dialing.get(&id) {
            Some(Attempt { kind: Kind::Static, stage: Stage::FirstDial, .. })
                if outcome == Outcome::Unreachable =>
            {
                self.resolve(id, Stage::SecondResolve);
            }
            Some(Attempt { stage: Stage::FirstDial | Stage::SecondDial, .. }) => self.ended.push_back(id),
            Some(_) | None => {}
        }
    }

    fn resolve_finished(&mut self, id: Id, found: Option<Node>) {
        let Some(attempt) = self.dialing.get(&id) else { return };
        let next = match attempt.stage {
            Stage::FirstResolve => Stage::FirstDial,
            Stage::SecondResolve => Stage::SecondDial,
            Stage::FirstDial | Stage::SecondDial => return,
        };
        let record = &mut self.records[attempt.record];
        record.resolved = Some(self.now);
        if let Some(node) = found {
            record.delay = Some(RESOLVE_DELAY);
            record.node.addr = node.addr;
            self.dial(id, next);
        } else {
            record.delay = record.delay.map(|delay| (2 * delay).min(RESOLVE_DELAY_MAX));
            self.ended.push_back(id);
        }
    }
}
