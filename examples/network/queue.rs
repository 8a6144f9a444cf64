//! What will happen, in order.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use dialstate::DialOutcome;

/// Something that happens. Hosts and connections are numbers; `life` counts the runs of a host, so that what was meant for
/// an earlier one is recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A dialer asked to be woken.
    Wakes { host: u32, life: u32 },
    /// A connection reaches the host that was dialed, with the id of who dials.
    Arrives { connection: u32 },
    /// The host that was dialed has finished the handshake.
    Accepted { connection: u32 },
    /// The host that dials has.
    Connected { connection: u32 },
    /// The host that dials learns that it failed.
    Failed { connection: u32, outcome: DialOutcome },
    /// An end learns that the other one is gone.
    Closed { connection: u32, side: u8 },
    /// A lookup has its answer.
    LookedUp { host: u32, count: u32 },
    /// A resolve has.
    Resolved { host: u32, life: u32 },
    /// A host looks after its discovery table, for the `count`-th time.
    Maintains { host: u32, life: u32, count: u16 },
    /// A host joins, or comes back.
    Starts { host: u32 },
    /// It leaves, and will come back.
    Leaves { host: u32, life: u32 },
    /// The interface of a host goes down, or comes up.
    Link { host: u32, up: bool },
    /// Something that the scenario wants.
    Act { act: Act, host: u32 },
    /// Time to look at everybody.
    Sample,
}

/// What a scenario does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Cut,
    Heal,
    /// A host is restarted.
    Restart,
    /// A host leaves for good, and another one comes in its place.
    Replace,
    /// The adversary begins.
    Attack,
    /// It floods, again and again.
    Flood,
    /// Whose slots are taken is counted.
    Count,
    /// All victims are restarted.
    RestartVictims,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: u64,
    /// In the order in which they were scheduled, at equal times.
    number: u64,
    what: What,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    number: u64,
}

impl Queue {
    pub(crate) fn push(&mut self, at: u64, what: What) {
        self.number += 1;
        self.heap.push(Reverse(Entry { at, number: self.number, what }));
    }

    pub(crate) fn pop(&mut self) -> Option<(u64, What)> {
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.what))
    }
}
