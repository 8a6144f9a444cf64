//! Nodes that were connected to once and may be gone: discovery is asked for them before they are dialed.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use dialstate::{
    Addrs, DialOutcome, KnownNode, LastOutcome, PeerKind, Refusal, RemovalReason, Source, Standing, Task,
    Timestamp,
};
use dialstate_proptests::world::{Command, Config, Dialer, Event};

use crate::small::{at, dialer, node};

use super::common::SECOND;

/// A dialer, and who is there. A dial connects after a second, or times out after five; a resolve takes a second, and lookups
/// find nobody.
struct Net {
    dialer: Dialer,
    there: BTreeSet<u8>,
    /// Whom a resolve finds, of those who are there or not.
    finds: fn(bool) -> bool,
    due: Vec<(Timestamp, Event)>,
    dialed: Vec<(Timestamp, u8)>,
    asked: Vec<(Timestamp, u8)>,
    cancelled: Vec<Task>,
}

impl Net {
    fn new(target: u32, finds: fn(bool) -> bool, change: impl FnOnce(&mut Config)) -> Self {
        let dialer = dialer(|config| {
            config.dynamic_target = target;
            change(config);
        });
        let there = BTreeSet::new();
        let (dialed, asked, cancelled) = (Vec::new(), Vec::new(), Vec::new());
        Self { dialer, there, finds, due: Vec::new(), dialed, asked, cancelled }
    }

    fn hand(&mut self, now: Timestamp, event: Event) {
        let mut commands = Vec::new();
        // Some answers come after their task was cancelled.
        let drained = self.dialer.step(now, event, &mut commands).is_ok();
        assert!(self.dialer.gauges().revalidations <= 16);
        let mut more = Vec::new();
        self.dialer.step(now, Event::Tick, &mut more).unwrap();
        assert!(
            !drained || matches!(more[..], [Command::Sleep { .. }]),
            "a drain was not complete: {more:?}"
        );
        commands.extend(more);
        for command in commands {
            let later = |seconds| now.saturating_add(seconds * SECOND);
            match command {
                Command::Dial { dial, node, .. } => {
                    self.dialed.push((now, node.id[0]));
                    let answer = match self.there.contains(&node.id[0]) {
                        true => (later(1), Event::DialConnected { dial, addr: None, tried: Vec::new() }),
                        false => {
                            let outcome = DialOutcome::TimedOut;
                            (later(5), Event::DialFinished { dial, outcome, tried: Vec::new() })
                        }
                    };
                    self.due.push(answer);
                }
                Command::Resolve { resolve, id, .. } => {
                    self.asked.push((now, id[0]));
                    let found = (self.finds)(self.there.contains(&id[0]));
                    let addrs = if found { node(id[0]).addrs } else { Addrs::new() };
                    self.due.push((later(1), Event::ResolveFinished { resolve, addrs }));
                }
                Command::Lookup { lookup, .. } => {
                    self.due.push((later(1), Event::LookupFinished { lookup, nodes: Vec::new() }));
                }
                Command::Cancel(task) => self.cancelled.push(task),
                Command::Disconnect { .. } | Command::Sleep { .. } => {}
            }
        }
    }

    /// Hands in what is due, and wakes the dialer up when it wants that, until some second.
    fn run_until(&mut self, end: u64) {
        self.hand(self.dialer.now(), Event::Tick);
        loop {
            let Command::Sleep { until, .. } = self.dialer.poll() else { panic!("drained") };
            self.due.sort_by_key(|(at, _)| *at);
            let first = self.due.first().map(|(at, _)| *at);
            let next = first.into_iter().chain(until).min().filter(|next| *next <= at(end));
            let Some(now) = next else { break };
            let event = if first == Some(now) { self.due.remove(0).1 } else { Event::Tick };
            self.hand(now, event);
        }
        self.hand(at(end), Event::Tick);
        self.dialer.verify().unwrap();
    }

    fn hear_of(&mut self, now: u64, nodes: RangeInclusive<u8>) {
        for n in nodes {
            self.there.insert(n);
            let event = Event::NodeDiscovered { node: node(n), source: Source(1), vouched: false };
            self.hand(at(now), event);
        }
    }

    fn restore_good(&mut self, nodes: RangeInclusive<u8>) {
        for n in nodes {
            let (node, source, last_tried) = (node(n), Source(1), None);
            let known = KnownNode { node, source, good: true, failures: 0, last_tried, anchor: false };
            self.dialer.handle(at(0), Event::NodeRestored(known)).unwrap();
        }
    }

    fn leaves(&mut self, now: u64, n: u8) {
        self.there.remove(&n);
        self.hand(at(now), Event::PeerRemoved { id: node(n).id, reason: RemovalReason::Closed });
    }

    fn peers(&self) -> BTreeSet<u8> {
        self.dialer.peers().map(|peer| peer.id[0]).collect()
    }

    /// A dialer of four peers, 1 to 4, that has lost number 1 and found it again, and has 5 instead.
    fn with_one_in_reserve() -> Self {
        let mut net = Self::new(4, |there| there, |_| ());
        net.hear_of(0, 1..=4);
        net.run_until(1_000);
        net.hear_of(1_000, 5..=5);
        net.leaves(1_000, 1);
        net.there.insert(1);
        net.run_until(1_100);
        assert_eq!(net.peers(), BTreeSet::from([2, 3, 4, 5]));
        net
    }
}

#[test]
fn a_former_peer_is_asked_for_ahead_of_need_and_takes_the_next_free_slot_at_once() {
    let mut net = Net::with_one_in_reserve();
    assert_eq!(net.asked.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [1]);
    let why = net.dialer.explain(&node(1).id);
    assert_eq!((why.standing, why.last.unwrap().0), (Standing::Good, LastOutcome::Found));
    let before = net.dialed.len();
    net.leaves(1_200, 2);
    assert_eq!(net.dialed[before..], [(at(1_200), 1)]);
    net.run_until(1_300);
    assert_eq!(net.peers(), BTreeSet::from([1, 3, 4, 5]));
}

#[test]
fn who_is_not_found_is_not_dialed_and_cools_down_as_after_a_dial_that_failed() {
    let mut net = Net::with_one_in_reserve();
    let dialed = net.dialed.len();
    net.leaves(1_200, 2);
    net.run_until(1_230);
    let asked = net.asked.len();
    net.run_until(1_300);
    assert_eq!(net.dialed.len(), dialed + 1, "number 1");
    let of_two = net.asked[asked..].iter().filter(|(_, n)| *n == 2);
    assert!(of_two.count() >= 1, "{:?}", net.asked);
    let why = net.dialer.explain(&node(2).id);
    assert!(matches!(why.refusals[..], [Refusal::Cooling { .. }]), "{why}");
    assert_eq!(why.last.unwrap().0, LastOutcome::Unresolved);
    assert!(why.failures >= 2, "it has left, and was not found");
}

#[test]
fn where_resolves_find_nobody_nodes_are_dialed_all_the_same() {
    let mut net = Net::new(16, |_| false, |_| ());
    net.restore_good(1..=40);
    net.there.extend(1..=40);
    net.run_until(20);
    assert_eq!(net.peers().len(), 16);
    let asked = net.asked.len();
    assert!((12..=32).contains(&asked), "{asked}");
    // With the slots filled nobody is asked for more than now and then.
    net.run_until(20 + 7_200);
    assert!(net.asked.len() <= asked + 13, "{}", net.asked.len());
}

/// Whoever answers resolves says that all are there, and they are not: strangers have their turn all the same.
#[test]
fn who_is_found_and_is_not_there_keeps_nobody_out() {
    let mut net = Net::new(16, |_| true, |_| ());
    net.restore_good(1..=200);
    net.run_until(1);
    net.hear_of(1, 201..=230);
    net.run_until(120);
    assert_eq!(net.peers().len(), 16, "{}", net.dialer.explain_need());
}

#[test]
fn questions_follow_each_other_no_faster_than_dials_may() {
    let mut net = Net::new(16, |there| there, |_| ());
    net.restore_good(1..=200);
    net.there.extend((1..=200).filter(|n| n % 20 == 0));
    net.run_until(60);
    for (n, (first, _)) in net.asked.iter().enumerate() {
        let within = net.asked[n..].iter().filter(|(at, _)| at.saturating_since(*first) < SECOND);
        assert!(within.count() <= 16 + 8);
    }
    assert!(net.asked.len() > 50, "{}", net.asked.len());
}

#[test]
fn nobody_waits_for_an_answer_that_is_not_needed_any_more() {
    let asked = || {
        let mut net = Net::new(4, |there| there, |_| ());
        net.hear_of(0, 1..=5);
        net.run_until(1_000);
        let gone = *net.peers().first().unwrap();
        net.leaves(1_000, gone);
        while net.asked.is_empty() {
            let Command::Sleep { until: Some(until), .. } = net.dialer.poll() else { panic!("a cooldown") };
            net.due.sort_by_key(|(at, _)| *at);
            match net.due.first().is_some_and(|(at, _)| *at <= until) {
                true => {
                    let (now, event) = net.due.remove(0);
                    net.hand(now, event);
                }
                false => net.hand(until, Event::Tick),
            }
        }
        assert_eq!(net.dialer.gauges().revalidations, 1);
        (net, node(gone))
    };
    let ends = |net: &Net| matches!(net.cancelled[..], [Task::Resolve(_)]);
    let (mut net, gone) = asked();
    net.hand(net.dialer.now(), Event::StaticAdded(gone.clone()));
    assert!(ends(&net) && net.dialed.last().unwrap().1 == gone.id[0]);
    let (mut net, gone) = asked();
    net.hand(net.dialer.now(), Event::DialRequested(gone.id));
    assert!(ends(&net) && net.dialed.last().unwrap().1 == gone.id[0]);
    let (mut net, gone) = asked();
    net.hand(net.dialer.now(), Event::PeerAdded { id: gone.id, kind: PeerKind::Inbound, addr: None });
    assert!(ends(&net));
}

#[test]
fn it_can_be_turned_off_and_needs_discovery() {
    for change in [(|config: &mut Config| config.revalidation = false) as fn(&mut Config), |config| {
        config.discovery = false
    }] {
        let mut net = Net::new(4, |there| there, change);
        net.hear_of(0, 1..=8);
        net.run_until(1_000);
        for n in net.peers() {
            net.leaves(1_000, n);
        }
        net.run_until(5_000);
        assert_eq!((net.asked.len(), net.peers().len()), (0, 4));
    }
}
