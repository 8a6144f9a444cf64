//! What is the case: facts per id, what waits and until when, who holds which slot.
//!
//! Events change the ledger; the plan reads it and begins attempts in it. Nothing here decides whom to dial.

pub(crate) mod attempts;
mod bans;
mod bound;
mod chunks;
mod course;
mod crowd;
mod dense;
mod explain;
mod fresh;
mod groups;
mod health;
mod heap;
mod inbound;
mod index;
mod judge;
mod known;
mod list;
pub(crate) mod lookups;
mod nodes;
mod outage;
mod peers;
#[cfg(feature = "serde")]
mod restore;
mod rests;
#[cfg(feature = "serde")]
mod serialized;
mod slab;
mod statics;
mod table;
pub(crate) mod timers;
#[allow(clippy::arithmetic_side_effects, reason = "counts of what is in memory")]
mod verify;

use alloc::collections::VecDeque;

use siphasher::sip::SipHasher13;

use crate::address::Address;
use crate::backoff::Jitter;
use crate::command::Task;
use crate::config::{Config, Profile};
use crate::network::NetworkMap;
use crate::node::NodeId;
use crate::notice::Notice;
use crate::stats::{Gauges, Stats, count};
use crate::time::Timestamp;

use attempts::{Attempts, Budget};
use bans::Bans;
use crowd::Crowd;
use dense::Dense;
use fresh::Fresh;
use groups::Groups;
use health::Health;
use heap::Heap;
use inbound::Inbound;
use list::List;
use lookups::Lookups;
use outage::Network;
use peers::{Peers, Sweep};
use rests::Rests;
use slab::Slab;
use statics::Entry;
use table::Table;
use timers::{Lane, Timers};

pub(crate) use nodes::{Queue, Record};
pub(crate) use slab::NONE;

/// Everything that the plan may look at.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: NodeId + serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
pub(crate) struct Ledger<I, A> {
    pub(crate) me: I,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) config: Config<I, A>,
    /// The latest instant of any event.
    pub(crate) now: Timestamp,
    pub(crate) start: Timestamp,
    pub(crate) nodes: Table<I, Record<A>>,
    /// What tells a node's addresses apart, where anything does.
    rests: Rests<A>,
    pub(crate) timers: Timers,
    pub(crate) statics: Slab<Entry<A>>,
    pub(crate) attempts: Attempts<A>,
    pub(crate) peers: Peers<A>,
    pub(crate) lookups: Lookups<I, A>,
    pub(crate) inbound: Inbound,
    pub(crate) bans: Bans<I>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) restrict: Option<NetworkMap<()>>,
    pub(crate) groups: Groups,
    /// Groups that may have got room since the waiting nodes were last looked at.
    crowded: Dense,
    /// Groups whose waiting nodes are to be looked at again.
    reconsidered: Dense,
    /// Known nodes in the order in which classic samples them.
    pub(crate) sampled: Dense,
    /// Known nodes that are ready and were never tried.
    pub(crate) fresh: Fresh,
    crowd: Crowd,
    /// How many nodes were restored as anchors.
    anchors: u32,
    /// Known nodes that were connected once, the one whose last session is longest ago first.
    good: Heap,
    sweep: Sweep,
    /// Nodes that wait for other rules, oldest first.
    parked: List,
    /// The rules in force: a number that grows when more may be allowed than before.
    rules: u32,
    /// How often transport failures were pardoned.
    pardons: u32,
    pub(crate) network: Network,
    health: Health,
    /// Requested dials that have not begun.
    pub(crate) requested: VecDeque<I>,
    /// Cancels that are owed to the driver.
    pub(crate) cancels: VecDeque<Task>,
    pub(crate) notices: VecDeque<Notice<I>>,
    pub(crate) stats: Stats,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) jitter: Jitter,
    /// What keys the hashes: whoever knows them can choose ids that collide.
    #[cfg(feature = "serde")]
    seeds: [u64; 4],
    /// The last token given out.
    tokens: u64,
}

impl<I: NodeId, A: Address> Ledger<I, A> {
    /// An empty ledger; `seeds` key the hashes.
    pub(crate) fn new(me: I, config: Config<I, A>, seeds: [u64; 4], now: Timestamp) -> Self {
        let [k0, k1, j0, j1] = seeds;
        let hasher = SipHasher13::new_with_keys(k0, k1);
        let mut ledger = Self {
            me,
            restrict: config.restrict.as_ref().map(|list| list.iter().copied().collect()),
            config,
            now,
            start: now,
            nodes: Table::new(hasher),
            rests: Rests::new(),
            timers: Timers::new(),
            statics: Slab::new(),
            attempts: Attempts::new(),
            peers: Peers::new(),
            lookups: Lookups::new(),
            inbound: Inbound::new(hasher),
            bans: Bans::new(hasher),
            groups: Groups::new(hasher),
            crowded: Dense::new(),
            reconsidered: Dense::new(),
            sampled: Dense::new(),
            fresh: Fresh::new(),
            crowd: Crowd::new(hasher),
            anchors: 0,
            good: Heap::new(),
            sweep: Sweep::default(),
            parked: List::new(),
            rules: 0,
            pardons: 0,
            network: Network::new(now),
            health: Health::new(),
            requested: VecDeque::new(),
            cancels: VecDeque::new(),
            notices: VecDeque::new(),
            stats: Stats::default(),
            jitter: Jitter::new(SipHasher13::new_with_keys(j0, j1)),
            #[cfg(feature = "serde")]
            seeds,
            tokens: 0,
        };
        ledger.clean_bootnodes();
        ledger
    }

    /// Drops the addresses of bootnodes that can't be dialed or are too many.
    pub(crate) fn clean_bootnodes(&mut self) {
        let mut bootnodes = core::mem::take(&mut self.config.bootnodes);
        bootnodes.iter_mut().for_each(|node| self.clean(&mut node.addrs));
        self.config.bootnodes = bootnodes;
    }

    /// Whether known nodes wait in ranked queues (balanced), or are sampled where they lie (classic).
    pub(crate) fn ranks(&self) -> bool {
        self.config.profile() == Profile::Balanced
    }

    /// A number that was never given out before.
    fn token(&mut self) -> u64 {
        self.tokens = self.tokens.saturating_add(1);
        self.tokens
    }

    /// How many slots dynamic peers and attempts hold; a node that is both counts once.
    fn taken_slots(&self) -> u32 {
        self.peers.outbound(Budget::Dynamic).saturating_add(self.attempts.unmet(Budget::Dynamic))
    }

    /// How many dynamic peers are missing, those on their way not counted.
    pub(crate) fn free_slots(&self) -> u32 {
        self.config.dynamic_target.saturating_sub(self.taken_slots())
    }

    /// Known nodes that are ready to be tried.
    pub(crate) fn ready(&self) -> u32 {
        self.promising().saturating_add(self.timers.len(Lane::Failed))
    }

    pub(crate) fn is_any_ready(&self) -> bool {
        let tried = [Lane::Good, Lane::Failed].into_iter().any(|lane| self.timers.len(lane) > 0);
        tried || !self.fresh.is_empty()
    }

    /// Those of them that did not fail whenever they were tried.
    pub(crate) fn promising(&self) -> u32 {
        self.timers.len(Lane::Good).saturating_add(self.fresh.len())
    }

    pub(crate) fn is_over_target(&self) -> bool {
        self.taken_slots() > self.config.dynamic_target
    }

    /// Whether one more dynamic attempt may begin.
    pub(crate) fn has_dynamic_slot(&self) -> bool {
        self.free_slots() > 0 && self.attempts.active(Budget::Dynamic) < self.config.max_active_dials
    }

    pub(crate) fn notify(&mut self, notice: Notice<I>) {
        if self.notices.len() < self.config.limits.notices as usize {
            self.notices.push_back(notice);
        } else {
            count(&mut self.stats.notices_dropped);
        }
    }

    pub(crate) fn gauges(&self) -> Gauges {
        let good = self.good.len();
        Gauges {
            inbound_peers: self.peers.inbound(),
            static_peers: self.peers.outbound(Budget::Static),
            dynamic_peers: self.peers.outbound(Budget::Dynamic),
            static_attempts: self.attempts.active(Budget::Static),
            dynamic_attempts: self.attempts.active(Budget::Dynamic),
            known: self.sampled.len(),
            good,
            statics: self.statics.len(),
            ready: self.ready(),
            cooling: self.timers.len(Lane::Known),
            crowded: self.groups.waiting(),
            parked: self.parked.len(),
            inbound_handshakes: self.inbound.len(),
            bans: self.bans.len(),
        }
    }
}
