//! The network of this host: when it seems to be down, what is pardoned then, and pauses after local errors.

use core::time::Duration;

use crate::address::{Address, Addrs};
use crate::backoff::{Cause, doubled};
use crate::config::{Backoff, Outage as Config};
use crate::facts::nodes::Notes;
use crate::network::SubnetKey;
use crate::time::{Timestamp, nanos};

/// What the outcomes of attempts say of the network of this host.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Outage {
    last_success: Timestamp,
    /// Attempts that have failed since, and where: one subnet, or several.
    failures: u32,
    subnet: Option<SubnetKey>,
    several: bool,
    /// While the network seems to be down: when the next dial may go out.
    probe: Option<Timestamp>,
    /// When the network last came back: what began before says nothing.
    back: Timestamp,
    /// After errors of this host: until when dials pause, and how many there were in a row.
    pause: Timestamp,
    errors: u32,
    /// How often transport failures were pardoned. The latest pardon concerns failures since an instant, and the slots of
    /// nodes below `unreviewed` have not been looked at under it.
    pardons: u32,
    pardon_since: Timestamp,
    unreviewed: u32,
}

impl Outage {
    /// For a dialer that starts now.
    pub(super) const fn new(start: Timestamp) -> Self {
        Self {
            last_success: start,
            failures: 0,
            subnet: None,
            several: false,
            probe: None,
            back: Timestamp::ZERO,
            pause: Timestamp::ZERO,
            errors: 0,
            pardons: 0,
            pardon_since: Timestamp::ZERO,
            unreviewed: 0,
        }
    }

    pub(super) const fn is_suspected(&self) -> bool {
        self.probe.is_some()
    }

    /// While the network seems to be down: when the next probe may go out.
    pub(super) const fn probe(&self) -> Option<Timestamp> {
        self.probe
    }

    /// A probe has gone out, if the network seems to be down.
    pub(super) fn probed(&mut self, next: Timestamp) {
        self.probe = self.probe.map(|_| next);
    }

    /// Until when dials pause.
    pub(super) const fn pause(&self) -> Timestamp {
        self.pause
    }

    /// When anything last succeeded.
    pub(super) const fn last_success(&self) -> Timestamp {
        self.last_success
    }

    /// A dial has failed on this host: all dials pause.
    pub(super) fn local_error(&mut self, now: Timestamp, backoff: &Backoff) {
        self.errors = self.errors.saturating_add(1);
        let delay = doubled(nanos(backoff.local_pause), self.errors, nanos(backoff.local_pause_max));
        self.pause = now.saturating_add(Duration::from_nanos(delay));
    }

    /// Whether an attempt that began then says anything of the network as it is now.
    pub(super) fn counts(&self, began: Timestamp) -> bool {
        began >= self.back
    }

    /// An attempt has failed in the transport. Returns whether the network seems to be down all of a sudden.
    pub(super) fn failed(&mut self, addrs: &Addrs<impl Address>, now: Timestamp, config: &Config) -> bool {
        self.failures = self.failures.saturating_add(1);
        for addr in addrs {
            let (fine, _) = SubnetKey::of(addr.ip_addr());
            self.several |= *self.subnet.get_or_insert(fine) != fine;
        }
        let silent = now.saturating_since(self.last_success) >= config.silence;
        let failed = self.several && self.failures >= config.failures;
        !self.is_suspected() && silent && failed
    }

    /// The network seems to be down. Among so many slots, nodes that failed since the last success are pardoned.
    pub(super) fn suspect(&mut self, now: Timestamp, config: &Config, slots: u32) {
        self.probe = Some(now.saturating_add(config.probe));
        self.pardon(self.last_success, slots);
    }

    /// Somebody answered, or connected to us: the network works. Returns whether it seemed to be down.
    pub(super) fn succeeded(&mut self, now: Timestamp) -> bool {
        let was_suspected = self.is_suspected();
        if was_suspected {
            self.back = now;
        }
        self.last_success = now;
        self.errors = 0;
        self.forget_failures();
        was_suspected
    }

    /// This host has another interface or address: among so many slots, all transport failures are pardoned. Returns
    /// whether the network seemed to be down.
    pub(super) fn changed(&mut self, now: Timestamp, slots: u32) -> bool {
        let was_suspected = self.succeeded(now);
        self.back = now;
        self.pause = now;
        self.pardon(Timestamp::ZERO, slots);
        was_suspected
    }

    fn forget_failures(&mut self) {
        self.failures = 0;
        self.subnet = None;
        self.several = false;
        self.probe = None;
    }

    /// Pardons transport failures since an instant. A number says so; each node is looked at when its turn comes.
    fn pardon(&mut self, since: Timestamp, slots: u32) {
        let unfinished = self.unreviewed > 0;
        let before = if unfinished { self.pardon_since } else { since };
        self.pardon_since = since.min(before);
        self.unreviewed = slots;
        self.pardons = self.pardons.wrapping_add(1);
    }

    /// The latest pardon, to be noted with what is held against a node.
    pub(super) const fn pardons(&self) -> u32 {
        self.pardons
    }

    /// The next slot that was not looked at under the latest pardon.
    pub(super) fn next_unreviewed(&mut self) -> Option<u32> {
        self.unreviewed = self.unreviewed.checked_sub(1)?;
        Some(self.unreviewed)
    }

    /// How many slots were not looked at under the latest pardon.
    pub(super) const fn unreviewed(&self) -> u32 {
        self.unreviewed
    }

    /// Whether a transport failure was not looked at under the latest pardon.
    #[inline]
    pub(super) fn is_stale(&self, notes: &Notes) -> bool {
        notes.cause == Cause::Transport && notes.pardon != self.pardons
    }

    /// Whether the latest pardon covers a failure that happened then.
    pub(super) fn pardons_since(&self, failed: Timestamp) -> bool {
        failed >= self.pardon_since
    }
}
