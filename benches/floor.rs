//! What a dial cycle can't do without: one look-up of an id by a keyed hash, one pop and one push of a good queue, and one
//! clone of a node, each with what the one before it gave.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::hint::black_box;

use dary_heap::QuaternaryHeap;

use crate::common::{Id, Mix, Node, node};

/// An id that is hashed as its 32 bytes, and nothing else.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key(Id);

impl Hash for Key {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write(&self.0);
    }
}

pub(crate) struct Floor {
    /// The standard library's SipHash-1-3, with keys of its own.
    index: HashMap<Key, u32>,
    nodes: Vec<Node>,
    timers: QuaternaryHeap<Reverse<(u64, u32)>>,
    /// All ids, in an order that has nothing to do with where they are in the map.
    ids: Vec<Key>,
    next: usize,
    rng: Mix,
}

impl Floor {
    pub(crate) fn new(n: u32) -> Self {
        let nodes: Vec<Node> = (0..n).map(node).collect();
        let mut rng = Mix::new(7);
        let mut order: Vec<u32> = (0..n).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, rng.below(last as u64 + 1) as usize);
        }
        Self {
            index: nodes.iter().zip(0..).map(|(node, at)| (Key(node.id), at)).collect(),
            ids: order.iter().map(|at| Key(nodes[*at as usize].id)).collect(),
            timers: (0..n).map(|at| Reverse((rng.below(1 << 40), at))).collect(),
            nodes,
            next: 0,
            rng,
        }
    }

    /// One look-up of a random id.
    pub(crate) fn hit(&mut self) -> u32 {
        self.next = if self.next + 1 < self.ids.len() { self.next + 1 } else { 0 };
        black_box(self.index[black_box(&self.ids[self.next])])
    }

    /// The earliest timer is taken out, and set to a random instant after it.
    pub(crate) fn timer(&mut self) {
        let Reverse((at, key)) = self.timers.pop().unwrap_or_default();
        self.timers.push(black_box(Reverse((at + self.rng.below(1 << 40), key))));
    }

    /// What every cycle needs: the timer that is due says which id, that says which node, and that is dialed and rests.
    pub(crate) fn cycle(&mut self) {
        let Reverse((at, key)) = self.timers.pop().unwrap_or_default();
        let found = self.index[&self.ids[key as usize]];
        let dialed = black_box(self.nodes[found as usize].clone());
        let rest = self.rng.below(1 << 40) + u64::from(dialed.id[0]);
        self.timers.push(Reverse((at + rest, key)));
    }
}
