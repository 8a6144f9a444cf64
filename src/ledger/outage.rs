//! The network of this host: when it seems to be down, what is pardoned then, and pauses after local errors.

use core::time::Duration;

use super::Ledger;
use super::attempts::{Attempt, Budget};
use super::nodes::{Queue, Record};
use super::timers::Due;
use crate::address::{Address, Addrs};
use crate::backoff::{Cause, Class, doubled};
use crate::config::Backoff;
use crate::network::SubnetKey;
use crate::node::NodeId;
use crate::notice::Notice;
use crate::time::{Timestamp, nanos};

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Network {
    last_success: Timestamp,
    /// Attempts that have failed since, and where: one subnet, or several.
    failures: u32,
    subnet: Option<SubnetKey>,
    several: bool,
    suspected: bool,
    /// When the network last came back: what began before says nothing.
    back: Timestamp,
    /// While suspected: when the next dial may go out.
    probe: Timestamp,
    /// After errors of this host: until when dials pause, and how many there were in a row.
    pause: Timestamp,
    errors: u32,
    /// The latest pardon concerns failures since then, and the slots of nodes below this one have not been looked at under
    /// it.
    pardon_since: Timestamp,
    pub(super) unreviewed: u32,
}

impl Network {
    pub(crate) const fn new(start: Timestamp) -> Self {
        Self {
            last_success: start,
            failures: 0,
            subnet: None,
            several: false,
            suspected: false,
            back: Timestamp::ZERO,
            probe: Timestamp::ZERO,
            pause: Timestamp::ZERO,
            errors: 0,
            pardon_since: Timestamp::ZERO,
            unreviewed: 0,
        }
    }

    pub(crate) const fn is_suspected(&self) -> bool {
        self.suspected
    }

    /// While the network seems to be down: when the next probe may go out.
    pub(crate) fn probe(&self) -> Option<Timestamp> {
        self.suspected.then_some(self.probe)
    }

    pub(crate) fn probed(&mut self, next: Timestamp) {
        self.probe = next;
    }

    pub(crate) const fn pause(&self) -> Timestamp {
        self.pause
    }

    /// A dial has failed on this host: all dials pause.
    pub(crate) fn local_error(&mut self, now: Timestamp, backoff: &Backoff) {
        self.errors = self.errors.saturating_add(1);
        let delay = doubled(nanos(backoff.local_pause), self.errors, nanos(backoff.local_pause_max));
        self.pause = now.saturating_add(Duration::from_nanos(delay));
    }

    fn note_failure(&mut self, addrs: &Addrs<impl Address>) {
        self.failures = self.failures.saturating_add(1);
        for addr in addrs {
            let (fine, _) = SubnetKey::of(addr.ip_addr());
            self.several |= *self.subnet.get_or_insert(fine) != fine;
        }
    }

    fn forget_failures(&mut self) {
        self.failures = 0;
        self.subnet = None;
        self.several = false;
        self.suspected = false;
    }
}

impl<I: NodeId, A: Address> Ledger<I, A> {
    /// Somebody answered, or connected to us: the network works.
    pub(crate) fn succeeded(&mut self) {
        self.note_back();
        self.network.last_success = self.now;
        self.network.errors = 0;
        self.network.forget_failures();
    }

    /// An attempt has failed. Returns whether its node is to be charged: not while the network seems to be down.
    pub(crate) fn failed(&mut self, attempt: &Attempt<A>, class: Class) -> bool {
        if class != Class::Short {
            return true;
        }
        if attempt.began < self.network.back {
            return false;
        }
        self.network.note_failure(&attempt.addrs);
        let config = &self.config.outage;
        let silent = self.now.saturating_since(self.network.last_success) >= config.silence;
        let failed = self.network.several && self.network.failures >= config.failures;
        if !self.network.suspected && silent && failed && self.peers.is_empty() {
            self.suspect();
        }
        !self.network.suspected
    }

    fn note_back(&mut self) {
        if self.network.suspected {
            self.network.back = self.now;
            self.notify(Notice::Online);
        }
    }

    /// The network seems to be down: what has failed since the last success is void.
    fn suspect(&mut self) {
        let since = self.network.last_success;
        self.network.suspected = true;
        self.network.probe = self.now.saturating_add(self.config.outage.probe);
        self.pardon(since);
        self.notify(Notice::OfflineSuspected { since });
    }

    /// This host has another interface or address: transport failures say nothing any more, and what is under way on
    /// the old one is given up. Classic goes on.
    pub(crate) fn network_changed(&mut self) {
        if !self.ranks() {
            return;
        }
        for budget in Budget::ALL {
            while let Some(attempt) = self.attempts.of_budget(budget).last() {
                self.cancel(attempt);
            }
        }
        self.note_back();
        self.network.back = self.now;
        self.network.forget_failures();
        self.network.last_success = self.now;
        self.network.errors = 0;
        self.network.pause = self.now;
        self.pardon(Timestamp::ZERO);
    }

    /// Pardons transport failures since an instant. A number says so; each node is looked at when its turn comes.
    fn pardon(&mut self, since: Timestamp) {
        let unfinished = self.network.unreviewed > 0;
        let before = if unfinished { self.network.pardon_since } else { since };
        self.network.pardon_since = since.min(before);
        self.network.unreviewed = self.nodes.slots();
        self.pardons = self.pardons.wrapping_add(1);
    }

    /// Looks at one node under the latest pardon: whoever cools down under an older one is put where it belongs. Returns
    /// whether there was one to look at.
    pub(crate) fn review_pardon(&mut self) -> bool {
        let Some(node) = self.network.unreviewed.checked_sub(1) else { return false };
        self.network.unreviewed = node;
        let cools = |r: &Record<A>| matches!(r.queue, Queue::Static | Queue::Cooling);
        if self.nodes.get(node).is_some_and(|record| cools(record) && self.is_stale(record)) {
            self.settle(node);
        }
        true
    }

    /// Whether a transport failure was not looked at under the latest pardon.
    fn is_stale(&self, record: &Record<A>) -> bool {
        record.cause == Cause::Transport && record.pardon != self.pardons
    }

    /// The failures in a row that count, after the latest pardon.
    pub(crate) fn failures(&self, node: u32) -> u32 {
        let counts =
            |record: &&Record<A>| !self.is_stale(record) || record.last_at < self.network.pardon_since;
        self.nodes.get(node).filter(counts).map_or(0, |record| u32::from(record.failures))
    }

    /// What is left of a cooldown after the latest pardon.
    #[inline]
    pub(crate) fn pardoned(&mut self, node: u32, due: Option<Due>) -> Option<Due> {
        if self.nodes.get(node).is_some_and(|record| self.is_stale(record)) {
            self.pardon_one(node, due)
        } else {
            due
        }
    }

    fn pardon_one(&mut self, node: u32, due: Option<Due>) -> Option<Due> {
        let Some(record) = self.nodes.get_mut(node) else { return due };
        record.pardon = self.pardons;
        if record.last_at < self.network.pardon_since {
            return due;
        }
        record.cause = Cause::None;
        record.failures = 0;
        self.rests.remove(&node);
        self.note_worn(node);
        None
    }
}
