//! The reference model of the classic profile: go-ethereum's `dialstate`, v1.8.27, as naive as possible. It
//! shares no code with the dialer, keeps no timers and no tokens, and scans everything for every line.
//!
//! It takes lines of input and gives lines of output, as a dialer with an rng of zeros would.

use core::cell::RefCell;
use core::net::SocketAddr;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use dialstate::Timestamp;
use dialstate::ipnet::IpNet;

use crate::trace::{Header, Id, Input, InputLine, Kind, Link, Names, Outcome, Output, OutputLine, TraceNode};

const SECOND: u64 = 1_000_000_000;
const HISTORY: u64 = 30 * SECOND;
const LOOKUP_INTERVAL: u64 = 4 * SECOND;
const FALLBACK: u64 = 20 * SECOND;
const RESOLVE_DELAY: u64 = 60 * SECOND;
const RESOLVE_DELAY_MAX: u64 = 3600 * SECOND;

/// A node as one source knows it.
#[derive(Clone, Copy, Debug)]
struct Record {
    id: Id,
    addr: Option<SocketAddr>,
}

/// The original's `dialTask`. A static entry and its attempt are one and the same, until the node is added
/// again or removed.
#[derive(Debug)]
struct Dialing {
    record: Record,
    kind: Kind,
    resolved: Option<u64>,
    delay: u64,
}

/// How far an attempt has come: `dialTask.Do`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    FirstResolve,
    FirstDial,
    SecondResolve,
    SecondDial,
}

/// The one lookup: decided on, then under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lookup {
    None,
    Waiting,
    Running,
}

/// What a node is refused for, as far as anybody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    ForNow,
    ForGood,
}

/// The whole state.
#[derive(Debug)]
pub struct Model {
    names: Names,
    me: Id,
    max_dynamic: i64,
    restrict: Vec<IpNet>,
    discovery: bool,
    start: u64,
    now: u64,
    bootnodes: VecDeque<Record>,
    known: Vec<Record>,
    buffer: VecDeque<Record>,
    statics: BTreeMap<Id, Rc<RefCell<Dialing>>>,
    attempts: BTreeMap<Id, (Rc<RefCell<Dialing>>, Stage)>,
    peers: BTreeMap<Id, Link>,
    /// Until when a node was dialed recently. An entry that ends exactly now still counts.
    history: BTreeMap<Id, u64>,
    lookup: Lookup,
    last_lookup: Option<u64>,
    commands: Vec<Output>,
}

impl Model {
    /// A model, and the commands of its first drain.
    pub fn new(header: &Header, at: Timestamp) -> (Self, OutputLine) {
        let mut names = Names::default();
        let mut record = |node: &TraceNode| Record {
            id: names.note(node.id),
            addr: node.addr.or_else(|| node.addrs.first().copied()),
        };
        let bootnodes = header.bootnodes.iter().map(&mut record).collect();
        let statics: Vec<_> = header.statics.iter().map(&mut record).collect();
        let mut model = Self {
            me: names.note(header.me),
            names,
            max_dynamic: header.max_dynamic.into(),
            restrict: header.restrict.clone(),
            discovery: header.discovery,
            start: at.as_nanos(),
            now: at.as_nanos(),
            bootnodes,
            known: Vec::new(),
            buffer: VecDeque::new(),
            statics: BTreeMap::new(),
            attempts: BTreeMap::new(),
            peers: BTreeMap::new(),
            history: BTreeMap::new(),
            lookup: Lookup::None,
            last_lookup: None,
            commands: Vec::new(),
        };
        for record in statics {
            model.add_static(record);
        }
        let first = model.drain(at);
        (model, first)
    }

    /// What the original answers to a line. Events that it doesn't have count as a tick.
    pub fn line(&mut self, line: &InputLine) -> OutputLine {
        self.now = self.now.max(line.at.as_nanos());
        let asked = self.lookup == Lookup::Running;
        if self.lookup == Lookup::Waiting {
            self.begin_lookup();
        }
        match &line.input {
            // Nobody can answer a lookup that begins only now.
            Input::LookupFinished { .. } if !asked => {}
            input => self.apply(input),
        }
        if line.drain.is_whole() { self.drain(line.at) } else { OutputLine::new(line.at, Vec::new()) }
    }

    fn apply(&mut self, input: &Input) {
        match input {
            Input::StaticAdded { node } => {
                let record = self.record(node);
                self.add_static(record);
            }
            Input::StaticRemoved { id } => {
                let id = self.names.note(*id);
                self.statics.remove(&id);
                self.history.remove(&id);
            }
            Input::NodesDiscovered { nodes } => {
                for node in nodes {
                    let record = self.record(node);
                    self.discover(record);
                }
            }
            Input::PeerAdded { id, kind, .. } => {
                self.peers.insert(self.names.note(*id), *kind);
            }
            Input::PeerRemoved { id, .. } => {
                self.peers.remove(&id.bytes());
            }
            Input::DialFinished { id: Some(id), outcome, .. } => self.dial_finished(id.bytes(), *outcome),
            Input::ResolveFinished { id: Some(id), node, .. } => {
                let found = node.as_ref().map(|node| self.record(node));
                self.resolve_finished(id.bytes(), found.and_then(|record| record.addr));
            }
            Input::LookupFinished { nodes, .. } => {
                self.lookup = Lookup::None;
                for node in nodes {
                    let record = self.record(node);
                    self.buffer.push_back(record);
                }
            }
            _ => {}
        }
    }

    fn record(&mut self, node: &TraceNode) -> Record {
        Record { id: self.names.note(node.id), addr: node.addr.or_else(|| node.addrs.first().copied()) }
    }

    fn add_static(&mut self, record: Record) {
        self.statics.insert(record.id, Dialing::new(record, Kind::Static));
    }

    /// A node that is known keeps its place; a record without an address replaces nothing.
    fn discover(&mut self, record: Record) {
        match self.known.iter_mut().find(|known| known.id == record.id) {
            None => self.known.push(record),
            Some(known) if record.addr.is_some() => *known = record,
            Some(_) => {}
        }
    }

    fn dial_finished(&mut self, id: Id, outcome: Outcome) {
        let Some((attempt, stage)) = self.attempts.get(&id).cloned() else { return };
        let again = outcome == Outcome::Unreachable && attempt.borrow().kind == Kind::Static;
        match stage {
            Stage::FirstResolve | Stage::SecondResolve => {}
            Stage::FirstDial if again && self.begin_resolve(&attempt) => {
                self.attempts.insert(id, (attempt, Stage::SecondResolve));
            }
            Stage::FirstDial | Stage::SecondDial => self.end_attempt(id),
        }
    }

    fn resolve_finished(&mut self, id: Id, found: Option<SocketAddr>) {
        let Some((attempt, stage)) = self.attempts.get(&id).cloned() else { return };
        let next = match stage {
            Stage::FirstResolve => Stage::FirstDial,
            Stage::SecondResolve => Stage::SecondDial,
            Stage::FirstDial | Stage::SecondDial => return,
        };
        attempt.borrow_mut().resolved = Some(self.now);
        if let Some(addr) = found {
            attempt.borrow_mut().delay = RESOLVE_DELAY;
            attempt.borrow_mut().record.addr = Some(addr);
            self.begin_dial(attempt, next);
        } else {
            let delay = attempt.borrow().delay;
            attempt.borrow_mut().delay = (2 * delay).min(RESOLVE_DELAY_MAX);
            self.end_attempt(id);
        }
    }

    /// Rounds of planning at one instant, until a round ends no attempt.
    fn drain(&mut self, at: Timestamp) -> OutputLine {
        loop {
            let ended = self.round();
            if ended.is_empty() {
                return OutputLine::new(at, core::mem::take(&mut self.commands));
            }
            for id in ended {
                self.end_attempt(id);
            }
        }
    }

    /// `newTasks`, and the start of each task. Returns the attempts that ended at once.
    fn round(&mut self) -> Vec<Id> {
        let mut need = self.need();
        let now = self.now;
        self.history.retain(|_, until| *until >= now);
        let mut begun = self.plan_statics();
        let lonely = self.peers.is_empty() && now - self.start > FALLBACK;
        if lonely && need > 0 && !self.bootnodes.is_empty() {
            self.bootnodes.rotate_left(1);
            let bootnode = self.bootnodes[self.bootnodes.len() - 1];
            need -= self.plan_dynamic(bootnode, &mut begun);
        }
        let random: Vec<_> = self.known.iter().copied().take((need / 2).max(0) as usize).collect();
        for node in random {
            need -= self.plan_dynamic(node, &mut begun);
        }
        while need > 0 {
            let Some(node) = self.buffer.pop_front() else { break };
            need -= self.plan_dynamic(node, &mut begun);
        }
        if need > 0 && self.lookup == Lookup::None && self.discovery {
            self.lookup = Lookup::Waiting;
            self.begin_lookup();
        }
        begun.retain(|attempt| !self.begin_attempt(attempt));
        begun.iter().map(|attempt| attempt.borrow().record.id).collect()
    }

    /// A dynamic peer and its unfinished attempt count twice.
    fn need(&self) -> i64 {
        let dynamic = |kind: Kind| matches!(kind, Kind::Dynamic | Kind::Bootnode);
        let peers =
            self.peers.values().filter(|link| matches!(link, Link::Outbound(k) if dynamic(*k))).count();
        let attempts = self.attempts.values().filter(|(attempt, _)| dynamic(attempt.borrow().kind)).count();
        self.max_dynamic - peers as i64 - attempts as i64
    }

    fn plan_statics(&mut self) -> Vec<Rc<RefCell<Dialing>>> {
        let mut begun = Vec::new();
        for (id, entry) in self.statics.clone() {
            let record = entry.borrow().record;
            match self.check(&record) {
                Err(Refused::ForGood) => drop(self.statics.remove(&id)),
                Err(Refused::ForNow) => {}
                Ok(()) => {
                    self.attempts.insert(id, (Rc::clone(&entry), Stage::FirstDial));
                    begun.push(entry);
                }
            }
        }
        begun
    }

    /// How much of the need it consumes: 1, or 0 if the node is refused.
    fn plan_dynamic(&mut self, record: Record, begun: &mut Vec<Rc<RefCell<Dialing>>>) -> i64 {
        if self.check(&record).is_err() {
            return 0;
        }
        let attempt = Dialing::new(record, Kind::Dynamic);
        self.attempts.insert(record.id, (Rc::clone(&attempt), Stage::FirstDial));
        begun.push(attempt);
        1
    }

    fn check(&self, record: &Record) -> Result<(), Refused> {
        let Record { id, addr } = record;
        let allowed = |addr: &SocketAddr| self.restrict.iter().any(|net| net.contains(&addr.ip()));
        if self.attempts.contains_key(id) || self.peers.contains_key(id) {
            Err(Refused::ForNow)
        } else if *id == self.me || !(self.restrict.is_empty() || addr.as_ref().is_some_and(allowed)) {
            Err(Refused::ForGood)
        } else if self.history.contains_key(id) {
            Err(Refused::ForNow)
        } else {
            Ok(())
        }
    }

    /// False if the attempt is over at once, because it may not resolve.
    fn begin_attempt(&mut self, attempt: &Rc<RefCell<Dialing>>) -> bool {
        let Record { id, addr } = attempt.borrow().record;
        if addr.is_some() {
            self.begin_dial(Rc::clone(attempt), Stage::FirstDial);
            return true;
        }
        self.attempts.insert(id, (Rc::clone(attempt), Stage::FirstResolve));
        self.begin_resolve(attempt)
    }

    fn begin_dial(&mut self, attempt: Rc<RefCell<Dialing>>, stage: Stage) {
        let (Record { id, addr }, kind) = (attempt.borrow().record, attempt.borrow().kind);
        self.commands.push(Output::dial(self.names.spell(&id), kind, &addr));
        self.attempts.insert(id, (attempt, stage));
    }

    fn begin_resolve(&mut self, attempt: &Rc<RefCell<Dialing>>) -> bool {
        let Dialing { record, resolved, delay, .. } = &*attempt.borrow();
        let allowed = self.discovery && resolved.is_none_or(|last| self.now - last >= *delay);
        if allowed {
            self.commands.push(Output::Resolve { id: self.names.spell(&record.id) });
        }
        allowed
    }

    fn end_attempt(&mut self, id: Id) {
        self.attempts.remove(&id);
        self.history.insert(id, self.now + HISTORY);
    }

    /// Begins a lookup that was decided on, if it is due.
    fn begin_lookup(&mut self) {
        let due = self.last_lookup.map_or(self.now, |last| last + LOOKUP_INTERVAL);
        if due <= self.now {
            self.last_lookup = Some(self.now);
            self.lookup = Lookup::Running;
            self.commands.push(Output::Lookup {});
        }
    }
}

impl Dialing {
    fn new(record: Record, kind: Kind) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self { record, kind, resolved: None, delay: RESOLVE_DELAY }))
    }
}
