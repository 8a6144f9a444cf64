//! What a dial cycle must cost at the least: three keyed-hash hits at random ids, two timer pops and pushes, and
//! one clone of a node, with the std's own structures at the same number of nodes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hint::black_box;

use crate::common::{Mix, Node, node};

pub(crate) struct Floor {
    /// The std's SipHash with keys of its own.
    index: HashMap<[u8; 32], u32>,
    nodes: Vec<Node>,
    timers: BinaryHeap<Reverse<(u64, u32)>>,
    /// All ids, in an order that has nothing to do with where they are in the map.
    ids: Vec<[u8; 32]>,
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
            index: nodes.iter().zip(0..).map(|(node, at)| (node.id, at)).collect(),
            ids: order.iter().map(|at| nodes[*at as usize].id).collect(),
            timers: (0..n).map(|at| Reverse((rng.below(1 << 40), at))).collect(),
            nodes,
            next: 0,
            rng,
        }
    }

    /// One keyed-hash hit at a random id.
    pub(crate) fn hit(&mut self) -> u32 {
        self.next = if self.next + 1 < self.ids.len() { self.next + 1 } else { 0 };
        black_box(self.index[black_box(&self.ids[self.next])])
    }

    /// The earliest timer is taken out, and set to a random instant after it.
    pub(crate) fn timer(&mut self) {
        let Reverse((at, key)) = self.timers.pop().unwrap_or_default();
        self.timers.push(black_box(Reverse((at + self.rng.below(1 << 40), key))));
    }

    /// A node is cloned.
    pub(crate) fn node(&self, at: u32) {
        black_box(self.nodes[at as usize].clone());
    }

    /// What every cycle needs.
    pub(crate) fn cycle(&mut self) {
        let at = self.hit();
        self.hit();
        self.hit();
        self.timer();
        self.timer();
        self.node(at);
    }
}
