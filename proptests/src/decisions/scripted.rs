//! A script, played: what answers the dialer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use dialstate::{
    AddrOutcome, DialId, DialKind, DialOutcome, LookupId, PeerKind, RemovalReason, ResolveId, Task, Timestamp,
};

use super::script::{Script, is_public};
use crate::world::{Agenda, Event, Id, Key, Node, World};

/// How long after one address of a dial the next is started: the default of `Config::stagger`.
const STAGGER: Duration = Duration::from_millis(250);

/// The world of a script.
#[derive(Debug)]
pub struct Scripted {
    script: Rc<Script>,
    lookups: u64,
    sessions: BTreeMap<Id, u64>,
    connected: BTreeMap<Id, SocketAddr>,
    /// Whom the dialer has dialed so far, where it matters.
    dialed: BTreeSet<Id>,
    lucky: Option<Id>,
}

/// How a dial goes that starts its addresses one after another.
struct Race {
    takes: Duration,
    outcome: DialOutcome,
    addr: SocketAddr,
    tried: Vec<AddrOutcome<SocketAddr>>,
}

impl Scripted {
    /// The world of a script, from its beginning on.
    #[must_use]
    pub const fn new(script: Rc<Script>) -> Self {
        Self {
            script,
            lookups: 0,
            sessions: BTreeMap::new(),
            connected: BTreeMap::new(),
            dialed: BTreeSet::new(),
            lucky: None,
        }
    }

    fn answer(&self, id: &Id, addr: &SocketAddr, now: Timestamp) -> (Duration, DialOutcome) {
        if self.lucky == Some(*id) {
            return (Duration::from_millis(300), DialOutcome::Connected);
        }
        self.script.answer(id, addr, now)
    }

    /// The first address that connects wins; a dial fails when its last address has failed.
    fn race(&self, node: &Node, now: Timestamp) -> Option<Race> {
        let run = |(wait, addr): (Duration, &SocketAddr)| {
            let (takes, outcome) = self.answer(&node.id, addr, now.saturating_add(wait));
            (wait + takes, outcome, *addr)
        };
        let runs: Vec<_> = node.addrs.staggered(STAGGER).map(run).collect();
        let connected = runs.iter().filter(|(_, outcome, _)| *outcome == DialOutcome::Connected);
        let end = connected.min_by_key(|run| run.0).or_else(|| runs.iter().max_by_key(|run| run.0))?;
        let ended = runs.iter().filter(|run| run.0 <= end.0 && runs.len() > 1);
        let tried = ended.map(|(_, outcome, addr)| AddrOutcome { addr: *addr, outcome: *outcome }).collect();
        Some(Race { takes: end.0, outcome: end.1, addr: end.2, tried })
    }

    fn draw_lot(&mut self, id: Id) {
        if self.script.lucky.is_some()
            && self.dialed.insert(id)
            && Some(self.dialed.len()) == self.script.lucky
        {
            self.lucky = Some(id);
        }
    }
}

impl World for Scripted {
    fn start(&mut self, agenda: &mut Agenda) {
        for (n, (at, event)) in (0..).zip(&self.script.events) {
            agenda.at(*at, Key::World(n), event.clone());
        }
    }

    fn dial(&mut self, dial: DialId, node: &Node, kind: DialKind, agenda: &mut Agenda) {
        self.draw_lot(node.id);
        let Some(race) = self.race(node, agenda.now()) else { return };
        let key = Key::Task(Task::Dial(dial));
        if race.outcome == DialOutcome::Connected {
            let kind = PeerKind::Outbound(kind);
            agenda.after(race.takes, key, Event::PeerAdded { id: node.id, kind, addr: Some(race.addr) });
        }
        let finished = Event::DialFinished { dial, outcome: race.outcome, tried: race.tried };
        agenda.after(race.takes, key, finished);
    }

    /// What a resolve finds is what a lookup would bring.
    fn resolve(&mut self, resolve: ResolveId, id: Id, agenda: &mut Agenda) {
        let takes = self.script.lookups.takes;
        let then = agenda.now().saturating_add(takes);
        let brings = self.script.lookups.brings.iter().rfind(|(from, _)| *from <= then);
        let node = brings.and_then(|(_, nodes)| nodes.iter().find(|node| node.id == id));
        let addrs = node.map(|node| node.addrs.clone()).unwrap_or_default();
        agenda.after(takes, Key::Task(Task::Resolve(resolve)), Event::ResolveFinished { resolve, addrs });
    }

    fn lookup(&mut self, lookup: LookupId, _target: [u8; 32], agenda: &mut Agenda) {
        self.lookups += 1;
        let lookups = &self.script.lookups;
        let in_vain = lookups.asks_peers && !self.connected.values().any(is_public);
        let then = agenda.now().saturating_add(lookups.takes);
        let nodes = if in_vain { Vec::new() } else { self.script.brought(self.lookups, then) };
        agenda.after(lookups.takes, Key::Task(Task::Lookup(lookup)), Event::LookupFinished { lookup, nodes });
    }

    fn handed(&mut self, event: &Event, taken: bool, agenda: &mut Agenda) {
        match event {
            Event::PeerAdded { id, addr: Some(addr), .. } if taken => {
                self.connected.insert(*id, *addr);
                let count = self.sessions.entry(*id).or_default();
                *count += 1;
                if let Some(end) = self.script.end_of_session(id, addr, *count, agenda.now()) {
                    let reason = RemovalReason::Closed;
                    agenda.at(end, Key::Session(*id), Event::PeerRemoved { id: *id, reason });
                }
            }
            Event::PeerRemoved { id, reason } if *reason != RemovalReason::Duplicate => {
                self.connected.remove(id);
            }
            _ => {}
        }
    }
}
