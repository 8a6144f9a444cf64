//! What the nodes know of each other: a Kademlia table each, as geth keeps one, and lookups that ask from node to node.
//!
//! A lookup is computed at the instant at which it begins; its answer arrives when all the questions would have been
//! answered. Whoever answers is remembered, whoever asks too, and who does not answer is forgotten.

use crate::draws::Draw;
use crate::world::{ASK_TIMEOUT, World};

/// Entries of a bucket, and results of a lookup (Kademlia's k).
const BUCKET: usize = 16;
/// Buckets: for nodes that share 0, 1 … 15 leading bits, and 16 or more (geth's `nBuckets`).
const BUCKETS: usize = 17;
/// Questions under way at once (Kademlia's alpha).
const PARALLEL: usize = 3;
/// Nodes of the database that are asked at a refresh (geth's `seedCount`).
const SEEDS: usize = 30;
/// Honest nodes in an answer of the adversary, with false addresses.
const LIES: usize = 4;

/// A change of a table: who has learned of whom, or has given up on whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct News {
    pub(crate) host: u32,
    pub(crate) who: u32,
    pub(crate) gone: bool,
}

/// A node as a lookup found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) who: u32,
    /// Whether the address that came with it is one of the adversary's.
    pub(crate) lie: bool,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) nodes: Vec<Found>,
    pub(crate) took: u64,
}

#[derive(Clone, Debug)]
struct Table {
    len: [u8; BUCKETS],
    entries: [[u32; BUCKET]; BUCKETS],
    /// The last ones that were given up on. geth keeps them in its node database, and asks up to 30 of them at each
    /// refresh.
    seeds: [u32; SEEDS],
    given_up: usize,
}

impl Table {
    const EMPTY: Self =
        Self { len: [0; BUCKETS], entries: [[0; BUCKET]; BUCKETS], seeds: [0; SEEDS], given_up: 0 };

    fn bucket(&self, bucket: usize) -> &[u32] {
        &self.entries[bucket][..usize::from(self.len[bucket])]
    }

    fn add(&mut self, bucket: usize, who: u32) -> bool {
        let len = usize::from(self.len[bucket]);
        let room = len < BUCKET && !self.bucket(bucket).contains(&who);
        if room {
            self.entries[bucket][len] = who;
            self.len[bucket] += 1;
        }
        room
    }

    fn remove(&mut self, bucket: usize, who: u32) -> bool {
        let Some(place) = self.bucket(bucket).iter().position(|entry| *entry == who) else { return false };
        let last = usize::from(self.len[bucket]) - 1;
        self.entries[bucket].copy_within(place + 1..=last, place);
        self.len[bucket] -= 1;
        self.seeds[self.given_up % SEEDS] = who;
        self.given_up += 1;
        true
    }

    fn iter(&self) -> impl Iterator<Item = u32> {
        (0..BUCKETS).flat_map(|bucket| self.bucket(bucket).iter().copied())
    }
}

fn bucket(one: u64, other: u64) -> usize {
    ((one ^ other).leading_zeros() as usize).min(BUCKETS - 1)
}

/// A node on the way to a target.
#[derive(Clone, Copy, Debug)]
struct Hop {
    distance: u64,
    found: Found,
    asked: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Overlay {
    tables: Vec<Table>,
    keys: Vec<u64>,
    /// The adversary's ids, in the order of their keys.
    sybils: Vec<u32>,
    /// Memory that is used again.
    near: Vec<u32>,
}

impl Overlay {
    pub(crate) fn new(world: &World) -> Self {
        let keys: Vec<u64> = (0..world.sybils().end).map(|who| world.key(who)).collect();
        let mut sybils: Vec<u32> = world.sybils().collect();
        sybils.sort_unstable_by_key(|who| keys[*who as usize]);
        Self { tables: vec![Table::EMPTY; world.hosts as usize], keys, sybils, near: Vec::new() }
    }

    /// A node hears of another one that answers. True if there was room for it.
    pub(crate) fn learn(&mut self, host: u32, who: u32, world: &World) -> bool {
        let bucket = bucket(self.keys[host as usize], self.keys[who as usize]);
        host != who && world.place(who).listed && self.tables[host as usize].add(bucket, who)
    }

    pub(crate) fn forget(&mut self, host: u32, who: u32) -> bool {
        let bucket = bucket(self.keys[host as usize], self.keys[who as usize]);
        self.tables[host as usize].remove(bucket, who)
    }

    pub(crate) fn known(&self, host: u32) -> impl Iterator<Item = u32> {
        self.tables[host as usize].iter()
    }

    /// Those that were given up on last.
    pub(crate) fn seeds(&self, host: u32) -> Vec<u32> {
        let table = &self.tables[host as usize];
        table.seeds[..table.given_up.min(SEEDS)].to_vec()
    }

    /// Asks some random entries whether they are still there.
    pub(crate) fn check(
        &mut self,
        host: u32,
        time: u64,
        count: u32,
        world: &World,
        answers: &impl Fn(u32) -> bool,
        news: &mut Vec<News>,
    ) {
        let known: Vec<u32> = self.known(host).collect();
        for n in 0..u64::from(count).min(known.len() as u64) {
            let pick = world.draws.below(Draw::Check, u64::from(host) << 8 | n, time, known.len() as u64);
            let who = known[pick as usize];
            if !answers(who) && self.forget(host, who) {
                news.push(News { host, who, gone: true });
            }
        }
    }

    /// Finds the nodes nearest to a target.
    pub(crate) fn lookup(
        &mut self,
        host: u32,
        target: u64,
        world: &World,
        answers: &impl Fn(u32) -> bool,
        news: &mut Vec<News>,
    ) -> Answer {
        let mut hops: Vec<Hop> = Vec::with_capacity(2 * BUCKET);
        self.nearest(host, target, host, &mut hops);
        let mut took = 0;
        loop {
            let mut slowest = 0;
            let mut asked = [0; PARALLEL];
            let mut count = 0;
            for hop in hops.iter_mut().filter(|hop| !hop.asked).take(PARALLEL) {
                hop.asked = true;
                asked[count] = hop.found.who;
                count += 1;
            }
            for &who in &asked[..count] {
                if answers(who) {
                    slowest = slowest.max(world.round_trip(host, who));
                    self.meet(host, who, world, news);
                    self.answer(who, target, host, world, &mut hops);
                } else {
                    slowest = slowest.max(ASK_TIMEOUT);
                    if self.forget(host, who) {
                        news.push(News { host, who, gone: true });
                    }
                }
            }
            took += slowest;
            if count == 0 {
                break;
            }
        }
        Answer { nodes: hops.into_iter().map(|hop| hop.found).collect(), took }
    }

    /// Two nodes that have exchanged messages know each other, where there is room.
    pub(crate) fn meet(&mut self, host: u32, who: u32, world: &World, news: &mut Vec<News>) {
        if self.learn(host, who, world) {
            news.push(News { host, who, gone: false });
        }
        if !world.is_sybil(who) && self.learn(who, host, world) {
            news.push(News { host: who, who: host, gone: false });
        }
    }

    /// What a node answers: whom it knows that is nearest to the target. The adversary names its own ids, and a few
    /// honest ones with false addresses.
    fn answer(&mut self, who: u32, target: u64, asker: u32, world: &World, hops: &mut Vec<Hop>) {
        if !world.is_sybil(who) {
            self.nearest(who, target, asker, hops);
            return;
        }
        let place = self.sybils.partition_point(|sybil| self.keys[*sybil as usize] < target);
        let range = place.saturating_sub(BUCKET)..(place + BUCKET).min(self.sybils.len());
        let mut near: Vec<u32> = self.sybils[range].to_vec();
        near.sort_unstable_by_key(|sybil| self.keys[*sybil as usize] ^ target);
        for &sybil in near.iter().take(BUCKET - LIES) {
            insert(hops, self.keys[sybil as usize] ^ target, Found { who: sybil, lie: false });
        }
        for n in 0..LIES as u64 {
            let honest = world.draws.below(Draw::Lie, target, n, world.hosts.into()) as u32;
            if honest != asker {
                insert(hops, self.keys[honest as usize] ^ target, Found { who: honest, lie: true });
            }
        }
    }

    /// Adds the entries of a table that are nearest to a target. Buckets are looked at in the order of their distance,
    /// as long as there may be somebody nearer in them.
    fn nearest(&mut self, host: u32, target: u64, asker: u32, hops: &mut Vec<Hop>) {
        let table = &self.tables[host as usize];
        let first = bucket(self.keys[host as usize], target);
        self.near.clear();
        self.near.extend(table.bucket(first));
        if self.near.len() < BUCKET {
            self.near.extend((first + 1..BUCKETS).flat_map(|deeper| table.bucket(deeper)));
        }
        for further in (0..first).rev() {
            if self.near.len() >= BUCKET {
                break;
            }
            self.near.extend(table.bucket(further));
        }
        for &who in self.near.iter().filter(|who| **who != asker) {
            insert(hops, self.keys[who as usize] ^ target, Found { who, lie: false });
        }
    }
}

/// Keeps the nearest, in order, each once.
fn insert(hops: &mut Vec<Hop>, distance: u64, found: Found) {
    if hops.len() == BUCKET && hops.last().is_some_and(|last| last.distance <= distance) {
        return;
    }
    let place = hops.partition_point(|hop| (hop.distance, hop.found.who) < (distance, found.who));
    if hops.get(place).is_some_and(|hop| hop.found.who == found.who) {
        return;
    }
    if hops.len() == BUCKET {
        hops.pop();
    }
    hops.insert(place, Hop { distance, found, asked: false });
}
