//! Known nodes that were never tried, and may be dialed as far as is known.
//!
//! Those that were tried wait in lanes of the timers, ordered by when that was.

use alloc::vec::Vec;

use rand_core::Rng;

use super::bound::{queue, vector};
use super::chunks::{CHUNK, Chunks};
use super::heap::Heap;
use super::list::{Link, Links};
use super::slab::NONE;
use crate::node::Source;
use crate::sample::below;

/// Sources are numbered by one byte.
pub(super) const SOURCES: u32 = 256;

/// Nodes that were never tried: the sources in turn, at random within one. A node's link says where it stands.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Fresh {
    /// By source; the position is its number.
    pub(super) pools: Vec<Chunks<u32>>,
    /// Sources with nodes, the one whose turn is longest ago first.
    pub(super) turns: Heap,
    turn: u64,
}

impl Fresh {
    pub(crate) const fn new() -> Self {
        Self { pools: Vec::new(), turns: Heap::new(), turn: 0 }
    }

    pub(crate) fn len(&self) -> u32 {
        self.pools.iter().map(|pool| pool.len() as u32).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.turns.peek().is_none()
    }

    /// Adds a node that is not in.
    pub(crate) fn insert(&mut self, links: &mut impl Links, node: u32, source: Source) {
        let index = usize::from(source.0);
        if self.pools.len() <= index {
            self.pools.resize(index.saturating_add(1), Chunks::new());
        }
        let Some(pool) = self.pools.get_mut(index) else { return };
        if pool.len() == 0 {
            self.turns.set(u32::from(source.0), self.turn, 0);
        }
        if let Some(link) = links.link(node) {
            link.prev = pool.len() as u32;
        }
        pool.push(node);
    }

    /// Takes a node out that is in.
    pub(crate) fn remove(&mut self, links: &mut impl Links, node: u32, source: Source) {
        let Some(pool) = self.pools.get_mut(usize::from(source.0)) else { return };
        let Some(link) = links.link(node).filter(|link| link.prev != NONE) else { return };
        let gap = core::mem::replace(link, Link::NONE).prev;
        pool.swap_remove(gap as usize);
        if let Some(moved) = pool.get(gap as usize).and_then(|&moved| links.link(moved)) {
            moved.prev = gap;
        }
        if pool.len() == 0 {
            self.turns.remove(u32::from(source.0));
        }
    }

    /// The most bytes for so many nodes. Each source keeps its first piece and its list of pieces, and a longer one has a
    /// piece that is hardly filled; the pools may have doubled from 255.
    pub(super) fn bound(nodes: u64) -> u64 {
        let sources = u64::from(SOURCES);
        let pieces = nodes.checked_div(CHUNK as u64).unwrap_or(0);
        let pools = vector(sources, size_of::<Chunks<u32>>()).saturating_mul(2);
        let kept = vector(nodes.min(CHUNK as u64), 4).saturating_add(vector(pieces, size_of::<Vec<u32>>()));
        let last = pieces.min(sources).saturating_mul(vector(CHUNK as u64, 4));
        let turns = queue(sources).saturating_add(vector(sources, 4));
        let parts = [pools, kept.saturating_mul(sources), nodes.saturating_mul(4), last, turns];
        parts.into_iter().fold(0, u64::saturating_add)
    }

    /// Draws a node, which stays in: one draw from the rng. The next draw is from another source.
    pub(crate) fn draw(&mut self, rng: &mut impl Rng) -> Option<u32> {
        let source = self.turns.peek()?.key;
        self.turn = self.turn.saturating_add(1);
        self.turns.set(source, self.turn, 0);
        let pool = self.pools.get(source as usize)?;
        pool.get(below(rng, pool.len() as u32) as usize).copied()
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

    #[test]
    fn sources_take_turns() {
        let (mut fresh, mut links) = (Fresh::new(), alloc::vec![Link::NONE; 512]);
        for node in 0..100 {
            fresh.insert(&mut links, node, Source(1));
        }
        fresh.insert(&mut links, 200, Source(7));
        fresh.insert(&mut links, 201, Source(7));
        fresh.insert(&mut links, 300, Source(9));
        let mut drawn = Vec::new();
        for _ in 0..6 {
            let node = fresh.draw(&mut Zeros).unwrap();
            let source = Source(if node < 200 {
                1
            } else if node < 300 {
                7
            } else {
                9
            });
            fresh.remove(&mut links, node, source);
            drawn.push(node);
        }
        assert_eq!(drawn, [0, 200, 300, 99, 201, 98]);
        assert_eq!((fresh.len(), fresh.is_empty()), (97, false));
        // A source that comes back does not jump the queue of those that waited.
        fresh.insert(&mut links, 300, Source(9));
        assert_eq!(fresh.draw(&mut Zeros), Some(97));
        assert_eq!(fresh.draw(&mut Zeros), Some(300));
    }
}
