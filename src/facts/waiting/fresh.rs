//! Ready nodes that were never tried: the sources in turn, at random within one.

use alloc::vec::Vec;

use rand_core::Rng;

use crate::collections::{Heap, Paged, Slot, bytes};
use crate::facts::slots::NodeSlot;
use crate::node::Source;
use crate::sample::below;

/// Sources are numbered by one byte.
const SOURCES: u32 = 256;

/// Marks the numbers of sources.
#[derive(Debug)]
enum OfSource {}

fn slot(source: Source) -> Option<Slot<OfSource>> {
    Slot::from_index(u32::from(source.0))
}

/// The nodes. The place of a node says where it stands in its source's pool.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Fresh {
    /// By source; the position is its number.
    pools: Vec<Paged<NodeSlot>>,
    /// Sources with nodes, the one whose turn is longest ago first.
    turns: Heap<OfSource>,
    turn: u64,
}

impl Fresh {
    pub(super) const fn new() -> Self {
        Self { pools: Vec::new(), turns: Heap::new(), turn: 0 }
    }

    pub(super) fn len(&self) -> u32 {
        self.pools.iter().map(|pool| pool.len() as u32).fold(0, u32::saturating_add)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.turns.peek().is_none()
    }

    /// The node at a position of a source's pool.
    pub(super) fn get(&self, source: Source, at: u32) -> Option<NodeSlot> {
        self.pools.get(usize::from(source.0))?.get(at as usize).copied()
    }

    /// Adds a node that is not in. Returns its position.
    pub(super) fn insert(&mut self, source: Source, node: NodeSlot) -> u32 {
        let index = usize::from(source.0);
        if self.pools.len() <= index {
            self.pools.resize(index.saturating_add(1), Paged::new());
        }
        let Some(pool) = self.pools.get_mut(index) else { return 0 };
        let at = pool.len() as u32;
        pool.push(node);
        if let Some(source) = slot(source).filter(|_| at == 0) {
            self.turns.set(source, self.turn, 0);
        }
        at
    }

    /// Takes the node at a position out. Returns the node that has moved there, if one has.
    pub(super) fn remove(&mut self, source: Source, at: u32) -> Option<NodeSlot> {
        let pool = self.pools.get_mut(usize::from(source.0))?;
        pool.swap_remove(at as usize);
        let moved = pool.get(at as usize).copied();
        if let Some(source) = slot(source).filter(|_| pool.len() == 0) {
            self.turns.remove(source);
        }
        moved
    }

    /// Draws a node, which stays in: one draw from the rng. The next draw is from another source.
    pub(super) fn draw(&mut self, rng: &mut impl Rng) -> Option<NodeSlot> {
        let source = self.turns.peek()?.key;
        self.turn = self.turn.saturating_add(1);
        self.turns.set(source, self.turn, 0);
        let pool = self.pools.get(source.index() as usize)?;
        pool.get(below(rng, pool.len() as u32) as usize).copied()
    }

    /// Whether exactly the sources with nodes have a turn.
    pub(super) fn verify(&self) -> bool {
        (0u32..).zip(&self.pools).all(|(source, pool)| {
            let turn = Slot::from_index(source).and_then(|source| self.turns.get(source));
            turn.is_some() == (pool.len() > 0)
        })
    }

    #[cfg(feature = "serde")]
    pub(super) fn reindex(&mut self) -> bool {
        self.pools.len() as u32 <= SOURCES && self.turns.reindex(SOURCES)
    }

    /// The most bytes for so many nodes. Each source keeps its first page and its list of pages, and a longer one has a
    /// page that is hardly filled; the list of pools may have doubled from 255.
    pub(super) fn bound(nodes: u64) -> u64 {
        let sources = u64::from(SOURCES);
        let page = Paged::<NodeSlot>::PAGE as u64;
        let pages = nodes.checked_div(page).unwrap_or(0);
        let pools = bytes::vector(sources, size_of::<Paged<NodeSlot>>()).saturating_mul(2);
        let kept = bytes::vector(nodes.min(page), 4)
            .saturating_add(bytes::vector(pages, size_of::<Vec<NodeSlot>>()));
        let last = pages.min(sources).saturating_mul(bytes::vector(page, 4));
        let turns = Heap::<OfSource>::bound(sources, sources);
        bytes::sum(&[pools, kept.saturating_mul(sources), nodes.saturating_mul(4), last, turns])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::convert::Infallible;
    use rand_core::TryRng;

    struct Zeros;

    impl TryRng for Zeros {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            Ok(0)
        }
        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(0)
        }
        fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
            dst.fill(0);
            Ok(())
        }
    }

    fn node(number: u32) -> NodeSlot {
        Slot::from_index(number).unwrap()
    }

    #[test]
    fn sources_take_turns() {
        let mut fresh = Fresh::new();
        for number in 0..100 {
            assert_eq!(fresh.insert(Source(1), node(number)), number);
        }
        fresh.insert(Source(7), node(200));
        fresh.insert(Source(7), node(201));
        fresh.insert(Source(9), node(300));
        let mut drawn = Vec::new();
        for _ in 0..6 {
            let drew = fresh.draw(&mut Zeros).unwrap();
            let source = Source(match drew.index() {
                0..200 => 1,
                200..300 => 7,
                _ => 9,
            });
            // An rng of zeros draws the first of a pool.
            fresh.remove(source, 0);
            drawn.push(drew.index());
        }
        assert_eq!(drawn, [0, 200, 300, 99, 201, 98]);
        assert_eq!((fresh.len(), fresh.is_empty()), (97, false));
        // A source that comes back does not jump the queue of those that waited.
        fresh.insert(Source(9), node(300));
        assert_eq!(fresh.draw(&mut Zeros), Some(node(97)));
        assert_eq!(fresh.draw(&mut Zeros), Some(node(300)));
        assert!(fresh.verify());
    }
}
