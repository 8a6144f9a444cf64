//! What is the case: nodes, static nodes, attempts, peers, handshakes, bans, subnets, the lookup, and where each node
//! waits.
//!
//! Each part is a type with private fields that keeps its own invariant. What changes several of them at once is in
//! `attempting`, `connecting`, `listing` and `placing`, and nowhere else. Nothing here has an opinion: what follows from
//! a fact is for the plan to say.

pub(crate) mod attempt;
pub(crate) mod attempting;
pub(crate) mod attempts;
pub(crate) mod bans;
pub(crate) mod budget;
mod connecting;
pub(crate) mod counts;
pub(crate) mod inbound;
mod listing;
pub(crate) mod lookup;
pub(crate) mod nodes;
pub(crate) mod peers;
mod placing;
#[cfg(feature = "serde")]
mod reindex;
pub(crate) mod slots;
pub(crate) mod statics;
pub(crate) mod subnets;
mod verify;
pub(crate) mod waiting;

use alloc::collections::VecDeque;

use siphasher::sip::SipHasher13;

use crate::address::{Address, Addrs};
use crate::backoff::Jitter;
use crate::command::{Task, WakeReason, sooner};
use crate::config::Config;
use crate::network::NetworkMap;
use crate::node::NodeId;
use crate::notice::Notice;
use crate::stats::{Stats, count};
use crate::time::Timestamp;

use attempts::Attempts;
use bans::Bans;
use budget::Budget;
use inbound::Inbound;
use lookup::Lookup;
use nodes::{Nodes, Record};
use peers::Peers;
use slots::NodeSlot;
use statics::Statics;
use subnets::Subnets;
use waiting::Waiting;

/// Everything that a plan may look at.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: NodeId + serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
pub(crate) struct Facts<I, A> {
    pub(crate) me: I,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) config: Config<I, A>,
    /// The latest instant of any event.
    pub(crate) now: Timestamp,
    pub(crate) start: Timestamp,
    pub(crate) nodes: Nodes<I, A>,
    pub(crate) statics: Statics<A>,
    pub(crate) attempts: Attempts<A>,
    pub(crate) peers: Peers<A>,
    pub(crate) inbound: Inbound,
    pub(crate) bans: Bans<I>,
    /// The restrict list of the config, to be searched.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) restrict: Option<NetworkMap<()>>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) subnets: Subnets,
    pub(crate) lookup: Lookup,
    pub(crate) waiting: Waiting,
    /// Requested dials that have not begun.
    pub(crate) requested: VecDeque<I>,
    /// Cancels that are owed to the driver.
    cancels: VecDeque<Task>,
    notices: VecDeque<Notice<I>>,
    pub(crate) stats: Stats,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) jitter: Jitter,
    /// What keys the hashes: whoever knows them can choose ids that collide.
    #[cfg(feature = "serde")]
    seeds: [u64; 4],
    /// The last token given out.
    tokens: u64,
}

impl<I: NodeId, A: Address> Facts<I, A> {
    /// Nothing is the case yet; `seeds` key the hashes.
    pub(crate) fn new(me: I, config: Config<I, A>, seeds: [u64; 4], now: Timestamp) -> Self {
        let [k0, k1, j0, j1] = seeds;
        let hasher = SipHasher13::new_with_keys(k0, k1);
        let mut facts = Self {
            me,
            restrict: config.restrict.as_ref().map(|list| list.iter().copied().collect()),
            config,
            now,
            start: now,
            nodes: Nodes::new(hasher),
            statics: Statics::new(),
            attempts: Attempts::new(),
            peers: Peers::new(),
            inbound: Inbound::new(hasher),
            bans: Bans::new(hasher),
            subnets: Subnets::new(),
            lookup: Lookup::NEW,
            waiting: Waiting::new(hasher),
            requested: VecDeque::new(),
            cancels: VecDeque::new(),
            notices: VecDeque::new(),
            stats: Stats::default(),
            jitter: Jitter::new(SipHasher13::new_with_keys(j0, j1)),
            #[cfg(feature = "serde")]
            seeds,
            tokens: 0,
        };
        facts.clean_bootnodes();
        facts
    }

    /// Drops addresses that can't be dialed or are too many: no fact holds such a one.
    pub(crate) fn clean(&self, addrs: &mut Addrs<A>) {
        addrs.retain(Address::is_dialable);
        addrs.truncate(self.config.max_addrs as usize);
    }

    /// Drops the addresses of bootnodes that can't be dialed or are too many.
    fn clean_bootnodes(&mut self) {
        let mut bootnodes = core::mem::take(&mut self.config.bootnodes);
        bootnodes.iter_mut().for_each(|node| self.clean(&mut node.addrs));
        self.config.bootnodes = bootnodes;
    }

    /// Puts another config into force. Returns the one before.
    pub(crate) fn reconfigure(&mut self, config: Config<I, A>) -> Config<I, A> {
        let before = core::mem::replace(&mut self.config, config);
        self.clean_bootnodes();
        if self.config.restrict != before.restrict {
            self.restrict = self.config.restrict.as_ref().map(|list| list.iter().copied().collect());
        }
        before
    }

    /// The next instant at which a deadline passes, a handshake expires or a ban ends.
    pub(crate) fn next_deadline(&self) -> Option<(Timestamp, WakeReason)> {
        let attempt = self.attempts.first_deadline().map(|(_, at)| (at, WakeReason::OverdueAttempt));
        let inbound = self.inbound.first().map(|(_, at)| (at, WakeReason::InboundExpiry));
        let ban = self.bans.first().map(|(_, at)| (at, WakeReason::BanExpiry));
        let lookup = self.lookup.deadline().map(|at| (at, WakeReason::OverdueLookup));
        // Of equal instants the first of these counts.
        sooner(sooner(attempt, inbound), sooner(ban, lookup))
    }

    /// What keys the hashes of ids and subnets.
    #[cfg(feature = "serde")]
    pub(crate) fn hasher(&self) -> SipHasher13 {
        let [k0, k1, ..] = self.seeds;
        SipHasher13::new_with_keys(k0, k1)
    }

    /// A number that was never given out before.
    fn token(&mut self) -> u64 {
        self.tokens = self.tokens.saturating_add(1);
        self.tokens
    }

    /// Where a node was discovered to be, whatever the operator says.
    pub(crate) fn discovered<'a>(&'a self, record: &'a Record<A>) -> &'a Addrs<A> {
        let entry = record.listed.and_then(|entry| self.statics.get(entry));
        entry.map_or(&record.addrs, |entry| &entry.discovered)
    }

    /// Whether a node is on the list of static nodes.
    pub(crate) fn is_static(&self, node: NodeSlot) -> bool {
        self.nodes.get(node).is_some_and(Record::is_static)
    }

    /// Whether a node is connected by a connection that was dialed here.
    pub(crate) fn is_outbound(&self, record: &Record<A>) -> bool {
        record.peer.and_then(|peer| self.peers.get(peer)).is_some_and(|peer| peer.budget().is_some())
    }

    /// Whether a fact keeps a node from being a candidate, so that a later event brings it back.
    pub(crate) fn is_blocked(&self, id: &I, node: NodeSlot, record: &Record<A>) -> bool {
        record.is_busy()
            || self.inbound.is_pending(node)
            || self.bans.of_id(id, self.now).is_some()
            || *id == self.me
    }

    /// The jitter of a node's latest attempt: the upper half spreads delays, the lower half decides ties.
    pub(crate) fn jitter_of(&self, node: NodeSlot) -> u64 {
        let Some((id, record)) = self.nodes.entry(node) else { return 0 };
        self.jitter.bits(id.as_bytes(), record.attempts)
    }

    /// How many slots dynamic peers and attempts hold; a node that is both counts once.
    pub(crate) fn taken_slots(&self) -> u32 {
        self.peers.outbound(Budget::Dynamic).saturating_add(self.attempts.unmet(Budget::Dynamic))
    }

    /// Whether a peer is connected that may be in a public network.
    pub(crate) fn has_public_peer(&self) -> bool {
        self.peers.public() > 0
    }

    pub(crate) fn notify(&mut self, notice: Notice<I>) {
        // Strangers can make others forgotten: that must not crowd out what matters to an operator.
        let cap = self.config.limits.notices as usize;
        let minor = matches!(notice, Notice::KnownNodeForgotten { .. });
        if self.notices.len() < if minor { cap.div_ceil(2) } else { cap } {
            self.notices.push_back(notice);
        } else {
            count(&mut self.stats.notices_dropped);
        }
    }

    /// The oldest notice that was not fetched yet.
    pub(crate) fn pop_notice(&mut self) -> Option<Notice<I>> {
        self.notices.pop_front()
    }

    /// Whether a cancel or a disconnect is owed to the driver.
    pub(crate) fn is_owing(&self) -> bool {
        !self.cancels.is_empty() || self.peers.is_owing()
    }

    /// The oldest cancel that is owed to the driver.
    pub(crate) fn pop_cancel(&mut self) -> Option<Task> {
        self.cancels.pop_front()
    }
}
