//! What the crate has for drivers: races of addresses, the connections of a peer, and both around a dialer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use dialstate::driver::{Race, RaceStep, Runner, RunnerStep, Sessions};
use dialstate::{
    AddrOutcome, Addrs, BanSubject, Config, DialId, DialOutcome, Dialer, DisconnectReason, Event, LookupId,
    Node, PeerKind, RemovalReason, ResolveId, Side, Source, Task, Timestamp,
};
use proptest::prelude::*;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

type Id = [u8; 1];

const STAGGER: Duration = Duration::from_millis(250);

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn outcome() -> impl Strategy<Value = DialOutcome> {
    prop::sample::select(vec![
        DialOutcome::Connected,
        DialOutcome::Refused,
        DialOutcome::TimedOut,
        DialOutcome::Unreachable,
        DialOutcome::HandshakeFailed,
        DialOutcome::WrongIdentity,
        DialOutcome::TooManyPeers,
        DialOutcome::Useless,
        DialOutcome::LocalError,
    ])
}

fn decides(outcome: DialOutcome) -> bool {
    [DialOutcome::Connected, DialOutcome::TooManyPeers, DialOutcome::Useless].contains(&outcome)
}

/// What comes of each address, and how long after its start; without a time: nothing, ever.
type Script = Vec<(DialOutcome, Option<u64>)>;

/// The starts of all addresses, the end and the answer of a race, driven as its own waits say.
fn run(script: &Script, deadline: Option<Timestamp>) -> (Vec<(u64, usize)>, Timestamp, Event<Id, usize>) {
    let addrs: Addrs<usize> = (0..script.len()).collect();
    let mut race = Race::new(at(0), DialId::from_raw(7), addrs, STAGGER, deadline);
    let (mut now, mut starts, mut due) = (at(0), Vec::new(), BTreeSet::new());
    for _ in 0..100 {
        match race.next(now) {
            RaceStep::Start(addr) => {
                starts.push((now.as_millis(), addr));
                due.extend(script[addr].1.map(|after| (now.as_millis() + after, addr)));
            }
            RaceStep::Finished => return (starts, now, race.answer()),
            RaceStep::Wait(until) => {
                assert!(until.is_none_or(|until| until > now), "it waits for what is over");
                let next = due.first().map(|(when, _)| at(*when));
                now = until.into_iter().chain(next).min().expect("somebody answers, or it gives up");
                while let Some((_, addr)) = due.pop_first_if_due(now) {
                    match script[addr].0 {
                        DialOutcome::Connected => _ = race.connected(&addr),
                        outcome => race.failed(&addr, outcome),
                    }
                }
            }
        }
    }
    panic!("a race without an end: {script:?}");
}

trait Due {
    fn pop_first_if_due(&mut self, now: Timestamp) -> Option<(u64, usize)>;
}

impl Due for BTreeSet<(u64, usize)> {
    fn pop_first_if_due(&mut self, now: Timestamp) -> Option<(u64, usize)> {
        let first = self.first().copied().filter(|(when, _)| at(*when) <= now)?;
        self.remove(&first);
        Some(first)
    }
}

proptest! {
    /// Addresses start in order, never later than the stagger asks and never earlier unless all before have failed; the first
    /// that decides ends it; every address that ended is told, and the answer is in time.
    #[test]
    fn a_race_keeps_its_rules(
        script in prop::collection::vec((outcome(), prop::option::weighted(0.8, 0u64..2_000)), 1..6),
        limit in 100u64..4_000,
    ) {
        let (starts, end, answer) = run(&script, Some(at(limit)));
        prop_assert!(end < at(limit), "at the deadline an answer is late");
        let order: Vec<usize> = starts.iter().map(|(_, addr)| *addr).collect();
        prop_assert_eq!(order, (0..starts.len()).collect::<Vec<_>>());
        let ends: Vec<Option<u64>> =
            starts.iter().map(|(when, addr)| script[*addr].1.map(|after| when + after)).collect();
        for (n, pair) in starts.windows(2).enumerate() {
            let (before, now) = (pair[0].0, pair[1].0);
            let all_failed = ends[..=n].iter().all(|end| end.is_some_and(|end| end <= now));
            prop_assert!(now == before + 250 || now < before + 250 && all_failed, "{starts:?} {script:?}");
        }
        let ended = |addr: usize| ends[addr].is_some_and(|when| at(when) <= end);
        let decided = (0..starts.len()).find(|addr| ended(*addr) && decides(script[*addr].0));
        match answer {
            Event::DialConnected { dial, addr, tried } => {
                prop_assert_eq!(dial, DialId::from_raw(7));
                let winner = addr.expect("which one it was");
                prop_assert_eq!(script[winner].0, DialOutcome::Connected);
                let won = AddrOutcome { addr: winner, outcome: DialOutcome::Connected };
                prop_assert!(tried.contains(&won));
                prop_assert!(tried.iter().filter(|one| decides(one.outcome)).count() == 1);
            }
            Event::DialFinished { outcome, tried, .. } => {
                prop_assert_ne!(outcome, DialOutcome::Connected);
                prop_assert!(tried.iter().any(|one| one.outcome == outcome));
                if decided.is_none() {
                    // All that were started are told: those without an answer have timed out.
                    prop_assert_eq!(tried.len(), starts.len());
                    for one in &tried {
                        let told = if ended(one.addr) { script[one.addr].0 } else { DialOutcome::TimedOut };
                        prop_assert_eq!(one.outcome, told);
                    }
                    let all = starts.len() == script.len() && (0..script.len()).all(ended);
                    prop_assert!(all || end.saturating_add(Duration::from_millis(500)) >= at(limit));
                }
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

#[test]
fn an_abandoned_race_charges_nobody_and_keeps_what_it_has_learned() {
    let addrs: Addrs<usize> = (0..3).collect();
    let mut race = Race::new(at(0), DialId::from_raw(7), addrs, STAGGER, Some(at(30_000)));
    assert_eq!(race.next(at(0)), RaceStep::Start(0));
    race.failed(&0, DialOutcome::Refused);
    assert_eq!(race.next(at(1)), RaceStep::Start(1));
    // What was not started, or is told twice, is ignored.
    race.failed(&2, DialOutcome::Useless);
    race.failed(&0, DialOutcome::Useless);
    assert_eq!(race.running().collect::<Vec<_>>(), [&1]);
    let tried = vec![AddrOutcome { addr: 0, outcome: DialOutcome::Refused }];
    let answer = Event::DialFinished { dial: DialId::from_raw(7), outcome: DialOutcome::Cancelled, tried };
    assert_eq!(race.clone().answer::<Id>(), answer);
    assert!(race.connected(&1) && !race.connected(&1));
    assert_eq!(race.next(at(2)), RaceStep::Finished);
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Open(u8, PeerKind, u8),
    Close(u8),
    Disconnect(u8, Option<Side>),
}

fn act() -> impl Strategy<Value = Act> {
    let kind = prop::sample::select(vec![PeerKind::Inbound, PeerKind::External]);
    let close = prop::sample::select(vec![None, Some(Side::Inbound), Some(Side::Outbound)]);
    prop_oneof![
        4 => (0u8..3, kind, 0u8..24).prop_map(|(id, kind, connection)| Act::Open(id, kind, connection)),
        3 => (0u8..24).prop_map(Act::Close),
        1 => (0u8..3, close).prop_map(|(id, close)| Act::Disconnect(id, close)),
    ]
}

/// All connections in the order of their opening: whose, which side's, which.
#[derive(Debug, Default)]
struct Naive(Vec<(u8, PeerKind, u8)>);

impl Naive {
    fn of(&self, id: u8, kind: PeerKind) -> Vec<u8> {
        self.0.iter().filter(|one| (one.0, one.1) == (id, kind)).map(|one| one.2).collect()
    }

    fn close(&mut self, connection: u8) {
        self.0.retain(|one| one.2 != connection);
    }

    fn is_peer(&self, id: u8) -> bool {
        self.0.iter().any(|one| one.0 == id)
    }
}

proptest! {
    #[test]
    fn sessions_do_as_a_naive_list(acts in prop::collection::vec(act(), 0..80)) {
        let mut sessions: Sessions<Id, u8, u8> = Sessions::new();
        let mut naive = Naive::default();
        for act in acts {
            match act {
                Act::Open(id, kind, connection) => {
                    naive.close(connection);
                    naive.0.push((id, kind, connection));
                    let same = naive.of(id, kind);
                    let surplus = same.first().filter(|_| same.len() > 4).copied();
                    surplus.iter().for_each(|surplus| naive.close(*surplus));
                    prop_assert_eq!(sessions.opened([id], kind, Some(connection), connection), surplus);
                }
                Act::Close(connection) => {
                    let one = naive.0.iter().copied().find(|one| one.2 == connection);
                    naive.close(connection);
                    let expected = match one {
                        Some((id, ..)) if !naive.is_peer(id) => {
                            vec![Event::PeerRemoved { id: [id], reason: RemovalReason::Closed }]
                        }
                        Some((id, kind, _)) if naive.of(id, kind).is_empty() => {
                            let other = naive.0.iter().find(|one| one.0 == id).expect("the other side's");
                            let added = Event::PeerAdded { id: [id], kind: other.1, addr: Some(other.2) };
                            vec![Event::PeerRemoved { id: [id], reason: RemovalReason::Local }, added]
                        }
                        _ => Vec::new(),
                    };
                    prop_assert_eq!(sessions.closed(connection, RemovalReason::Closed), expected);
                }
                Act::Disconnect(id, Some(close)) => {
                    let (gone, stays) = match close {
                        Side::Inbound => (PeerKind::Inbound, PeerKind::External),
                        Side::Outbound => (PeerKind::External, PeerKind::Inbound),
                    };
                    let doomed = if naive.of(id, stays).is_empty() { vec![] } else { naive.of(id, gone) };
                    doomed.iter().for_each(|connection| naive.close(*connection));
                    let told = sessions.disconnect([id], DisconnectReason::Duplicate { close });
                    prop_assert_eq!(told, (doomed, None));
                }
                Act::Disconnect(id, None) => {
                    let doomed: Vec<u8> = naive.0.iter().filter(|one| one.0 == id).map(|one| one.2).collect();
                    naive.0.retain(|one| one.0 != id);
                    let gone = Event::PeerRemoved { id: [id], reason: RemovalReason::Local };
                    prop_assert_eq!(sessions.disconnect([id], DisconnectReason::OverTarget), (doomed, Some(gone)));
                }
            }
            let connections: BTreeSet<u8> = naive.0.iter().map(|one| one.2).collect();
            prop_assert!(sessions.connections().eq(connections));
            for id in 0..3 {
                let first = naive.0.iter().find(|one| one.0 == id).map(|one| one.2);
                prop_assert_eq!(sessions.get(&[id]), first);
                prop_assert_eq!(first.and_then(|first| sessions.owner(first)), first.map(|_| [id]));
            }
            prop_assert_eq!(sessions.peers().count(), sessions.len());
        }
    }
}

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
                RunnerStep::Connect { dial, id, addr } => {
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
