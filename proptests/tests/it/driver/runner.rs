//! A dialer with races and connections around it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use dialstate::driver::{Runner, RunnerStep};
use dialstate::{
    BanSubject, Change, Config, DialId, DialOutcome, Dialer, Event, LookupId, Node, PeerKind, RemovalReason,
    ResolveId, Source, Task, Timestamp,
};
use proptest::prelude::*;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use super::{Id, at, outcome};

/// What happens to a runner: the numbers pick one of what is under way.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Tried(usize, DialOutcome),
    Inbound(u8),
    Closed(usize),
    Disconnected(u8),
    Found(usize, u8),
    Banned(u8),
    Unbanned(u8),
    Dialing(bool),
    Passes(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    let n = 0usize..64;
    prop_oneof![
        6 => (n.clone(), outcome()).prop_map(|(n, outcome)| Happens::Tried(n, outcome)),
        3 => n.clone().prop_map(|n| Happens::Tried(n, DialOutcome::Connected)),
        2 => (1u8..12).prop_map(Happens::Inbound),
        2 => n.clone().prop_map(Happens::Closed),
        1 => (1u8..12).prop_map(Happens::Disconnected),
        2 => (n, 1u8..12).prop_map(|(n, id)| Happens::Found(n, id)),
        1 => (1u8..12).prop_map(Happens::Banned),
        1 => (1u8..12).prop_map(Happens::Unbanned),
        1 => any::<bool>().prop_map(Happens::Dialing),
        4 => (1u64..20_000).prop_map(Happens::Passes),
    ]
}

/// A driver that holds a count for each handle, so that it can tell which were dropped.
#[derive(Debug)]
struct World {
    runner: Runner<Dialer<Id, SocketAddr, ChaCha8Rng>, Id, SocketAddr, Rc<()>>,
    now: Timestamp,
    tries: Vec<(DialId, Id, SocketAddr, Rc<()>)>,
    lookups: Vec<(LookupId, Rc<()>)>,
    resolves: Vec<(ResolveId, Rc<()>)>,
    connections: Vec<(u64, Id, Rc<()>)>,
    /// All that were ever to be connected to.
    started: BTreeMap<DialId, BTreeSet<SocketAddr>>,
}

fn held(handle: &Rc<()>) -> bool {
    Rc::strong_count(handle) > 1
}

fn addr(id: u8, n: u8) -> SocketAddr {
    ([10, id, n, 1], 30_303).into()
}

impl World {
    fn new(me: u8) -> Self {
        let config = Config::default().with_dynamic_target(4);
        let dialer = Dialer::new([me], config, ChaCha8Rng::seed_from_u64(1), at(0)).expect("a config");
        let (tries, lookups, resolves, connections) = (vec![], vec![], vec![], vec![]);
        let runner = Runner::new(dialer);
        Self { runner, now: at(0), tries, lookups, resolves, connections, started: BTreeMap::new() }
    }

    fn tell(&mut self, event: Event<Id, SocketAddr>) {
        self.runner.handle(self.now, event).expect("nothing here is refused");
    }

    /// Does all that is to be done. Returns until when to wait.
    fn drain(&mut self) -> Option<Timestamp> {
        loop {
            let (handle, task) = (Rc::new(()), self.runner.poll(self.now));
            let task = match task {
                RunnerStep::Connect { dial, id, addr, .. } => {
                    assert!(self.started.entry(dial).or_default().insert(addr), "an address is tried once");
                    self.tries.push((dial, id, addr, handle.clone()));
                    Task::Dial(dial)
                }
                RunnerStep::Lookup { lookup, .. } => {
                    self.lookups.push((lookup, handle.clone()));
                    Task::Lookup(lookup)
                }
                RunnerStep::Resolve { resolve, .. } => {
                    self.resolves.push((resolve, handle.clone()));
                    Task::Resolve(resolve)
                }
                RunnerStep::Close { id, handle, .. } => {
                    let of = |one: &&(u64, Id, Rc<()>)| Rc::ptr_eq(&one.2, &handle);
                    assert_eq!(self.connections.iter().find(of).map(|one| one.1), Some(id), "whose it is");
                    continue;
                }
                RunnerStep::Wait(until) => return until,
            };
            self.runner.hold(task, handle);
        }
    }

    fn act(&mut self, happens: Happens) {
        match happens {
            Happens::Tried(n, outcome) if !self.tries.is_empty() => {
                let (dial, id, addr, _) = self.tries.swap_remove(n % self.tries.len());
                if outcome != DialOutcome::Connected {
                    return self.runner.failed(dial, &addr, outcome);
                }
                let (mut number, handle) = (None, Rc::new(()));
                let taken = self.runner.connected(self.now, dial, &addr, |connection| {
                    number = Some(connection);
                    handle.clone()
                });
                assert_eq!(taken, number.is_some());
                self.connections.extend(number.map(|number| (number, id, handle)));
            }
            Happens::Inbound(id) => {
                let (mut number, handle) = (None, Rc::new(()));
                let from = Some(addr(id, 9));
                self.runner.added(self.now, [id], PeerKind::Inbound, from, |connection| {
                    number = Some(connection);
                    handle.clone()
                });
                self.connections.extend(number.map(|number| (number, [id], handle)));
            }
            Happens::Closed(n) if !self.connections.is_empty() => {
                let (connection, ..) = self.connections.swap_remove(n % self.connections.len());
                self.runner.closed(self.now, connection, RemovalReason::Closed);
            }
            Happens::Disconnected(id) => {
                let is_peer = self.runner.dialer().peers().any(|peer| peer.id == [id]);
                let reason = RemovalReason::Misbehaved;
                assert_eq!(self.runner.disconnect(self.now, &[id], reason), is_peer);
                assert!(self.connections.iter().all(|one| one.1 != [id] || !held(&one.2)));
            }
            Happens::Found(n, id) => {
                let node = Node::new([id], (0..3).map(|n| addr(id, n)));
                if n % 2 == 0 && !self.lookups.is_empty() {
                    let (lookup, _) = self.lookups.swap_remove(n % self.lookups.len());
                    self.tell(Event::LookupFinished { lookup, nodes: vec![node] });
                } else if n % 3 == 0 && !self.resolves.is_empty() {
                    let (resolve, _) = self.resolves.swap_remove(n % self.resolves.len());
                    self.tell(Event::ResolveFinished { resolve, addrs: node.addrs });
                } else {
                    self.tell(Event::NodeDiscovered { node, source: Source(1), vouched: false });
                }
            }
            Happens::Banned(id) => self.tell(Event::Banned { subject: BanSubject::Id([id]), until: None }),
            Happens::Unbanned(id) => self.tell(Event::Unbanned(BanSubject::Id([id]))),
            Happens::Dialing(on) => self.tell(Event::Reconfigured(Change::Dialing(on))),
            Happens::Passes(millis) => {
                self.now = self.now.saturating_add(Duration::from_millis(millis));
                self.tell(Event::Tick);
            }
            Happens::Tried(..) | Happens::Closed(_) => {}
        }
    }

    /// What is held is what the dialer has.
    fn check(&self) {
        let dialer = self.runner.dialer();
        dialer.verify().expect("it agrees with itself");
        let peers: BTreeSet<Id> = dialer.peers().map(|peer| peer.id).collect();
        let connected = self.connections.iter().filter(|one| held(&one.2)).map(|one| one.1);
        assert_eq!(connected.collect::<BTreeSet<_>>(), peers, "each peer has a connection, and nobody else");
        assert!(peers.iter().all(|peer| self.runner.connection(peer).is_some()));
        let open: BTreeSet<Task> = dialer.tasks().map(|task| task.task).collect();
        let tries = self.tries.iter().map(|one| (Task::Dial(one.0), &one.3));
        let lookups = self.lookups.iter().map(|one| (Task::Lookup(one.0), &one.1));
        let resolves = self.resolves.iter().map(|one| (Task::Resolve(one.0), &one.1));
        for (task, handle) in tries.chain(lookups).chain(resolves) {
            assert_eq!(
                held(handle),
                open.contains(&task),
                "what runs is what the dialer waits for: {task:?}"
            );
        }
    }
}

proptest! {
    /// Whatever happens, a runner holds a connection for each peer of its dialer and for nobody else, and what runs for each
    /// task of its dialer and for no other; each address of a dial is tried once, and no answer of its own is refused.
    #[test]
    fn a_runner_holds_what_its_dialer_has(
        me in prop::sample::select(vec![0u8, 20]),
        story in prop::collection::vec(happens(), 0..120),
    ) {
        let mut world = World::new(me);
        for happens in story {
            world.act(happens);
            let until = world.drain();
            prop_assert!(until.is_none_or(|until| until > world.now), "it waits for what is over");
            world.check();
        }
        let dialer = world.runner.dialer();
        prop_assert_eq!(dialer.stats().unknown_answers, 0);
        let handles: Vec<_> = world.connections.iter().map(|one| &one.2).chain(world.tries.iter().map(|one| &one.3)).collect();
        drop(world.runner.into_dialer());
        prop_assert!(handles.into_iter().all(|handle| !held(handle)), "with the runner all ends");
    }
}
