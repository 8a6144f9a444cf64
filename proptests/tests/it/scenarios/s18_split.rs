//! The network splits: half of the peers are lost at once, and the slots are filled with others of the own part. Once the parts
//! can reach each other, they have to grow together, without a dial beyond the target but the one in the slot of feelers.
//! (Ethereum's split of 2016 and Bitcoin's stale tips: nodes that have all the peers they want look for no others.)

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use dialstate::{DialKind, DialOutcome, DisconnectReason, PeerKind, RemovalReason, Timestamp};
use dialstate_proptests::world::{Command, Config, Event};

use super::common::{Answer, HOUR, MINUTE, SECOND, Scene, Town, discovered, id, inbound, node, number};

const TARGET: u32 = 8;
const REUNION: PeerKind = PeerKind::Outbound(DialKind::Reunion);

/// A dialer with all the peers it wants, for half an hour. Nodes with odd numbers can be cut off.
struct Split {
    scene: Scene<Town>,
    cut: Rc<Cell<bool>>,
}

impl Split {
    fn new() -> Self {
        let cut = Rc::new(Cell::new(false));
        let is_cut = Rc::clone(&cut);
        let town = Town::new(move |node, _, _| match is_cut.get() && number(&node.id) % 2 == 1 {
            true => Answer::Fails(5 * SECOND, DialOutcome::TimedOut),
            false => Answer::Connects(SECOND),
        });
        // A question for one who was lost would change whose turn it is.
        let config = Config::default().with_dynamic_target(TARGET).with_revalidation(false);
        let mut scene = Scene::new(config, town);
        scene.hand(inbound(5_000));
        (0..60).for_each(|n| scene.hand(discovered(node(n))));
        scene.run(30 * MINUTE);
        let split = Self { scene, cut };
        assert_eq!(split.dynamic().len(), 8);
        split
    }

    fn dynamic(&self) -> BTreeSet<u32> {
        let connected = self.scene.sim.world().connected.iter();
        connected.filter(|(_, kind)| **kind != PeerKind::Inbound).map(|(id, _)| number(id)).collect()
    }

    fn lose(&mut self, lost: impl IntoIterator<Item = u32>) {
        for n in lost {
            self.scene.hand(Event::PeerRemoved { id: id(n), reason: RemovalReason::Closed });
        }
    }

    /// Cuts the odd ones off. Returns who was lost, and who stays.
    fn cut(&mut self) -> (BTreeSet<u32>, BTreeSet<u32>) {
        self.cut.set(true);
        let (lost, stay): (BTreeSet<u32>, BTreeSet<u32>) =
            self.dynamic().into_iter().partition(|n| n % 2 == 1);
        assert!(lost.len() >= 4 && !stay.is_empty(), "{lost:?} are lost, {stay:?} stay: take another seed");
        self.lose(lost.iter().copied());
        self.scene.run(MINUTE);
        assert_eq!(self.dynamic().len(), 8, "the slots are filled");
        (lost, stay)
    }

    fn reunions(&self) -> Vec<(Timestamp, u32)> {
        let dials = self.scene.seen.dials.iter().filter(|dialed| dialed.kind == DialKind::Reunion);
        dials.map(|dialed| (dialed.at, number(&dialed.id))).collect()
    }

    /// Runs, and returns who was to be disconnected, and when. Without these there are never more dynamic peers than the target.
    fn run(&mut self, span: Duration) -> Vec<(Timestamp, u32)> {
        let (mut gone, mut leaving) = (Vec::new(), BTreeSet::new());
        let end = self.scene.sim.now().saturating_add(span);
        let seen = &mut self.scene.seen;
        self.scene
            .sim
            .run_until(end, |drain| {
                seen.step(drain);
                if let Event::PeerRemoved { id, .. } = drain.event {
                    leaving.remove(id);
                }
                for command in drain.commands {
                    if let Command::Disconnect { id, reason } = command {
                        assert_eq!(*reason, DisconnectReason::OverTarget);
                        gone.push((drain.now, number(id)));
                        leaving.insert(*id);
                    }
                }
                assert!(drain.dialer.gauges().dynamic_peers <= TARGET + leaving.len() as u32);
                Ok(())
            })
            .unwrap();
        gone
    }
}

#[test]
fn while_it_is_split_one_who_was_lost_is_dialed_now_and_then_and_nobody_goes() {
    let mut split = Split::new();
    let (lost, _) = split.cut();
    let peers = split.dynamic();
    assert_eq!(split.run(2 * HOUR), []);
    assert_eq!(split.dynamic(), peers);
    let reunions = split.reunions();
    assert!((8..=24).contains(&reunions.len()), "{reunions:?}");
    assert!(
        reunions.windows(2).all(|pair| pair[1].0.saturating_since(pair[0].0) >= 5 * MINUTE),
        "{reunions:?}"
    );
    let dialed: BTreeSet<u32> = reunions.iter().map(|(_, n)| *n).collect();
    assert!(dialed.len() >= 4 && dialed.is_subset(&lost), "{dialed:?} of {lost:?}, each in its turn");
    // It lasts for long: it is dialed less and less.
    split.run(22 * HOUR);
    let (day, before) = (split.reunions().len(), reunions.len());
    assert!(day < 6 * before, "{before} dials in two hours, {day} in a day");
    // In the end it is no split any more.
    split.run(2 * HOUR);
    let last = split.reunions().len();
    split.run(48 * HOUR);
    assert_eq!(split.reunions().len(), last);
}

#[test]
fn once_it_is_whole_again_those_who_were_lost_take_the_places_of_those_who_came_since() {
    let mut split = Split::new();
    let (lost, stayed) = split.cut();
    let came: BTreeSet<u32> = split.dynamic().difference(&stayed).copied().collect();
    split.run(HOUR);
    split.cut.set(false);
    let healed = split.scene.sim.now();
    let gone = split.run(3 * HOUR);
    let back: Vec<_> = split.reunions().into_iter().filter(|(at, _)| *at >= healed).collect();
    assert!(
        back[0].0.saturating_since(healed) <= 15 * MINUTE,
        "the first is back after some minutes: {back:?}"
    );
    assert!(back.len() >= 4 && gone.len() == back.len(), "one goes for each: {back:?}, {gone:?}");
    let gone: BTreeSet<u32> = gone.into_iter().map(|(_, n)| n).collect();
    assert!(gone.is_subset(&came), "{gone:?} went, {came:?} have come since");
    let peers = split.dynamic();
    assert!(stayed.is_subset(&peers), "{stayed:?} have stayed: {peers:?}");
    assert_eq!(peers.intersection(&lost).count(), back.len());
    // Nobody is left to be brought back, or nobody who would go for it.
    let last = split.reunions().len();
    split.run(24 * HOUR);
    assert_eq!((split.reunions().len(), split.dynamic()), (last, peers));
    // They are peers like any others.
    assert_eq!(split.scene.sim.dialer().gauges().dynamic_peers, TARGET);
    let kinds: BTreeMap<u32, PeerKind> =
        split.scene.sim.world().connected.iter().map(|(id, kind)| (number(id), *kind)).collect();
    assert!(back.iter().all(|(_, n)| kinds[n] == REUNION));
}

/// Whoever makes connections drop again and again, or is the other end of them, gets back what it had, and no more: it costs
/// nobody a peer who was there before.
#[test]
fn who_drops_its_connections_gains_no_slot_by_it() {
    let mut split = Split::new();
    let adversary: BTreeSet<u32> = split.dynamic().into_iter().take(4).collect();
    let honest: BTreeSet<u32> = split.dynamic().difference(&adversary).copied().collect();
    for _ in 0..12 {
        let drops: Vec<u32> = split.dynamic().intersection(&adversary).copied().collect();
        split.lose(drops.iter().copied());
        let gone = split.run(2 * HOUR);
        assert!(gone.len() <= drops.len(), "{} went for {} that were lost", gone.len(), drops.len());
        assert!(gone.iter().all(|(_, n)| !honest.contains(n)), "{gone:?} of {honest:?}");
        let spaced = gone.windows(2).all(|pair| pair[1].0.saturating_since(pair[0].0) >= 5 * MINUTE);
        assert!(spaced, "one at a time: {gone:?}");
        let peers = split.dynamic();
        assert!(honest.is_subset(&peers) && peers.len() == 8, "{peers:?}");
    }
}

#[test]
fn few_losses_young_ones_and_the_loss_of_all_are_no_split() {
    let nobody = |split: &mut Split, what: &str| {
        split.scene.run(4 * HOUR);
        assert_eq!(split.reunions(), [], "{what}");
    };
    let mut few = Split::new();
    let three: Vec<u32> = few.dynamic().into_iter().take(3).collect();
    few.lose(three);
    nobody(&mut few, "three of eight");

    let mut apart = Split::new();
    for n in apart.dynamic() {
        apart.lose([n]);
        apart.scene.run(25 * SECOND);
    }
    nobody(&mut apart, "one after the other");

    let mut young = Split::new();
    let all = young.dynamic();
    for n in all {
        young.lose([n]);
        young.scene.run(MINUTE);
    }
    let all = young.dynamic();
    young.lose(all.into_iter().take(6));
    nobody(&mut young, "connected for less than ten minutes");

    let mut alone = Split::new();
    let all = alone.dynamic();
    alone.lose(all);
    alone.scene.hand(Event::PeerRemoved { id: id(5_000), reason: RemovalReason::Closed });
    nobody(&mut alone, "the own network was down");

    let mut sent = Split::new();
    for n in sent.dynamic().into_iter().take(6) {
        sent.scene.hand(Event::PeerRemoved { id: id(n), reason: RemovalReason::TooManyPeers });
    }
    nobody(&mut sent, "they had no room for us");

    let mut moved = Split::new();
    moved.cut();
    moved.cut.set(false);
    moved.scene.hand(Event::NetworkChanged);
    nobody(&mut moved, "another network");
}
