//! Restarts: with an empty head, with an address book, or from a snapshot.

use dialstate::{Addrs, ConnectionId, DialOutcome, RemovalReason, Source, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::host::Tasks;
use super::rules::Rules;
use super::wire::State;
use super::{Network, What};
use crate::world::{Dialer, Event, Id};

/// Hosts save what they know about this often.
const EVERY: u64 = 60_000;

/// A snapshot as it lies on a disk, and what a driver has to keep beside it: a dialer can't be asked for its tasks
/// and peers, and the config is not in the snapshot.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    bytes: Vec<u8>,
    rng: ChaCha8Rng,
    rules: Rules,
    at: Timestamp,
    tasks: Tasks,
    peers: Vec<Id>,
    pending: Vec<ConnectionId>,
    fixed: Vec<usize>,
}

impl Network {
    pub(super) fn schedule_save(&mut self) {
        let millis = 1 + self.below(2 * EVERY);
        self.after(std::time::Duration::from_millis(millis), What::Saves);
    }

    /// A host saves all that it knows.
    pub(super) fn saves(&mut self) {
        let host = self.below(self.hosts.len() as u64) as usize;
        self.save(host);
        self.schedule_save();
    }

    pub(super) fn save(&mut self, host: usize) {
        let this = &self.hosts[host];
        if !this.up {
            return;
        }
        let (mut tasks, mut peers, mut pending) = (this.tasks.clone(), Vec::new(), Vec::new());
        for &number in &this.live {
            let connection = &self.connections[number];
            let (side, id) = (connection.side(host), self.hosts[connection.other(host)].id);
            match (connection.state[side], side) {
                (State::Up, _) => peers.push(id),
                (_, 0) => _ = tasks.orphans.insert(connection.dial, (id, connection.kind)),
                (_, _) => pending.push(ConnectionId(number as u64)),
            }
        }
        let bytes = postcard::to_allocvec(&this.dialer.snapshot()).expect("a snapshot can be written");
        let (rng, rules, at) = (this.dialer.rng(), this.rules.clone(), this.dialer.now());
        let fixed = this.fixed.iter().copied().collect();
        let saved = Saved { bytes, rng, rules, at, tasks, peers, pending, fixed };
        let book = this.dialer.known_nodes().collect();
        let this = &mut self.hosts[host];
        (this.saved, this.book) = (Some(saved), book);
    }

    /// A host begins anew, with all that it was told to begin with. It knows the first host.
    pub(super) fn boot(&mut self, host: usize) {
        let mut events = match (self.below(3), self.hosts[host].saved.clone()) {
            (0, Some(saved)) => {
                self.note("restart from a snapshot");
                self.resume(host, saved)
            }
            (1, Some(_)) => {
                self.note("restart with an address book");
                self.remember(host)
            }
            (_, _) => {
                self.hosts[host].begin(self.now);
                Vec::new()
            }
        };
        let fixed = self.hosts[host].fixed.iter().map(|other| self.hosts[*other].node());
        events.extend(fixed.map(Event::StaticAdded));
        events.push(Event::NodeDiscovered { node: self.hosts[0].node(), source: Source(1), vouched: false });
        if !self.faults {
            events.extend(self.calm(host));
        }
        self.hand(host, events);
        self.hosts[host].anchors.clear();
    }

    /// With the address book: of it the anchors are dialed first.
    fn remember(&mut self, host: usize) -> Vec<Event> {
        self.hosts[host].begin(self.now);
        let this = &self.hosts[host];
        let anchors = this.book.iter().filter(|known| known.good && known.anchor).map(|known| known.node.id);
        let fixed = |id: &Id| this.fixed.iter().any(|other| self.hosts[*other].id == *id);
        let anchors: Vec<Id> = anchors.filter(|id| !fixed(id)).collect();
        assert!(anchors.len() <= this.config.anchors as usize, "host {host}: {anchors:?}");
        let events = this.book.iter().cloned().map(Event::NodeRestored).collect();
        self.hosts[host].anchors = anchors;
        events
    }

    /// From a snapshot. Of the tasks in it some are answered, and the others left to their deadlines; the peers in it
    /// are gone, and the static nodes are those of now.
    fn resume(&mut self, host: usize, saved: Saved) -> Vec<Event> {
        let Saved { bytes, rng, rules, at, tasks, peers, pending, fixed } = saved;
        let same_rng = self.below(2) == 0;
        let this = &mut self.hosts[host];
        let seed = this.next_life();
        let rng = if same_rng { rng } else { ChaCha8Rng::seed_from_u64(seed) };
        let snapshot = postcard::from_bytes(&bytes).expect("a snapshot can be read");
        let now = this.clock(self.now);
        this.dialer = Dialer::restore(snapshot, rules.config(&this.config), rng, now).expect("it was saved");
        assert_eq!(this.dialer.verify(), Ok(()), "host {host} at {}", self.now);
        assert_eq!(this.dialer.now(), now, "host {host}");
        this.rules = rules.resumed(at, now);
        let gauges = this.dialer.gauges();
        this.attempts = gauges.dynamic_attempts;
        this.slots = gauges.dynamic_peers + gauges.dynamic_attempts - gauges.slow_dials;
        this.tasks = tasks;
        let removed: Vec<usize> = fixed.into_iter().filter(|other| !this.fixed.contains(other)).collect();
        let mut events = self.answers(host);
        for id in peers {
            let reason = if self.below(2) == 0 { RemovalReason::Local } else { RemovalReason::Closed };
            events.push(Event::PeerRemoved { id, reason });
        }
        let ended = pending.into_iter().filter(|_| self.below(2) == 0).collect::<Vec<_>>();
        events.extend(ended.into_iter().map(|connection| Event::InboundEnded { connection }));
        events.extend(removed.into_iter().map(|other| Event::StaticRemoved(self.hosts[other].id)));
        events
    }

    /// Answers to some of the tasks of an earlier life.
    fn answers(&mut self, host: usize) -> Vec<Event> {
        let mut events = Vec::new();
        let mut tasks = std::mem::take(&mut self.hosts[host].tasks);
        let Tasks { resolves, lookup, owed, orphans, .. } = &mut tasks;
        orphans.retain(|dial, (id, _)| {
            let answered = self.below(2) == 0;
            if answered {
                let (outcome, tried) = (DialOutcome::Cancelled, Vec::new());
                events.push(Event::DialFinished { dial: *dial, outcome, tried });
                owed.insert(*id);
            }
            !answered
        });
        resolves.retain(|resolve, id| {
            let answered = self.below(2) == 0;
            if answered {
                events.push(Event::ResolveFinished { resolve: *resolve, addrs: Addrs::new() });
                owed.insert(*id);
            }
            !answered
        });
        if let Some(lookup) = lookup.take_if(|_| self.below(2) == 0) {
            events.push(Event::LookupFinished { lookup, nodes: Vec::new() });
        }
        self.hosts[host].tasks = tasks;
        events
    }
}
