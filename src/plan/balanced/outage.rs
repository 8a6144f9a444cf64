//! The network of this host: when it seems to be down, what is pardoned once it is back, and pauses after local errors.
//!
//! That many dials fail is as true of a dead address book as of a dead network. So suspicion does not stop the search: it
//! slows dials down for a while. Failures are charged all the same, and pardoned when the network turns out to have been
//! down.

use crate::address::{Address, Addrs};
use crate::backoff::{Cause, doubled};
use crate::config::{Backoff, Outage as Config};
use crate::facts::nodes::Notes;
use crate::network::{SubnetKey, is_local};
use crate::time::{Timestamp, nanos};

/// What the outcomes of attempts say of the network of this host.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Outage {
    /// When a node in a public network last answered or connected.
    last_success: Timestamp,
    /// Attempts that have failed since in public networks, and where: one subnet, or several.
    failures: u32,
    subnet: Option<SubnetKey>,
    several: bool,
    suspicion: Option<Suspicion>,
    /// When the network last came back or changed: what began before says nothing.
    back: Timestamp,
    /// When the network last changed, also if that counted as one with the change before.
    changed: Option<Timestamp>,
    /// After errors of this host: until when dials pause, and how many there were in a row.
    pause: Timestamp,
    errors: u32,
    /// When the last of them came.
    erred: Timestamp,
    /// How often failures were pardoned. The latest pardon concerns failures since an instant, and the slots of nodes below
    /// `unreviewed` have not been looked at under it.
    pardons: u32,
    pardon_since: Timestamp,
    /// Whether the latest pardon concerns failed handshakes too.
    pardons_handshakes: bool,
    unreviewed: u32,
}

/// The network seems to be down.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Suspicion {
    /// When the next dial may go out.
    probe: Timestamp,
    /// Nanoseconds to the one after that: less and less.
    gap: u64,
}

impl Outage {
    /// For a dialer that starts now.
    pub(super) const fn new(start: Timestamp) -> Self {
        Self {
            last_success: start,
            failures: 0,
            subnet: None,
            several: false,
            suspicion: None,
            back: Timestamp::ZERO,
            changed: None,
            pause: Timestamp::ZERO,
            errors: 0,
            erred: Timestamp::ZERO,
            pardons: 0,
            pardon_since: Timestamp::ZERO,
            pardons_handshakes: false,
            unreviewed: 0,
        }
    }

    pub(super) const fn is_suspected(&self) -> bool {
        self.suspicion.is_some()
    }

    /// While the network seems to be down: when the next dial may go out.
    pub(super) fn probe(&self) -> Option<Timestamp> {
        self.suspicion.map(|suspicion| suspicion.probe)
    }

    /// A dial has gone out. After errors of this host the next one waits for what comes of it. While the network seems to be
    /// down, the next one waits too: at first as long as the config says, a quarter less each time, so that the usual pace is
    /// back after some 20 dials.
    pub(super) fn dialed(&mut self, now: Timestamp, backoff: &Backoff) {
        if self.errors > 0 {
            self.pause(now, backoff);
        }
        if let Some(Suspicion { probe, gap }) = &mut self.suspicion {
            *probe = now.plus_nanos(*gap);
            *gap = gap.saturating_sub(*gap / 4);
        }
    }

    /// Until when dials pause.
    pub(super) const fn paused_until(&self) -> Timestamp {
        self.pause
    }

    /// When a node in a public network last answered or connected.
    pub(super) const fn last_success(&self) -> Timestamp {
        self.last_success
    }

    /// How many attempts have failed since.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// A dial that began then has failed on this host: all dials pause, the longer the more fail in a row. Those that went out
    /// before the first of them failed say no more than that one.
    pub(super) fn local_error(&mut self, began: Timestamp, now: Timestamp, backoff: &Backoff) {
        if self.errors == 0 || began > self.erred {
            self.errors = self.errors.saturating_add(1);
            self.erred = now;
            self.pause(now, backoff);
        }
    }

    /// A dial has left this host.
    pub(super) fn left_host(&mut self, now: Timestamp) {
        if self.errors > 0 {
            self.errors = 0;
            self.pause = now;
        }
    }

    fn pause(&mut self, now: Timestamp, backoff: &Backoff) {
        let delay = doubled(nanos(backoff.local_pause), self.errors, nanos(backoff.local_pause_max));
        self.pause = now.plus_nanos(delay);
    }

    /// Whether an attempt that began then says anything of the network as it is now.
    pub(super) fn counts(&self, began: Timestamp) -> bool {
        began >= self.back
    }

    /// An attempt has failed in the transport, or in the handshake, as behind a captive portal. Returns whether the network
    /// seems to be down all of a sudden.
    pub(super) fn failed(&mut self, addrs: &Addrs<impl Address>, now: Timestamp, config: &Config) -> bool {
        let mut public = addrs.iter().map(Address::ip_addr).filter(|ip| !ip.is_some_and(is_local));
        if let Some(first) = public.next() {
            self.failures = self.failures.saturating_add(1);
            // Once that has been found it needs no second look.
            let mut elsewhere = |ip| {
                let (fine, _) = SubnetKey::of(ip);
                *self.subnet.get_or_insert(fine) != fine
            };
            self.several = self.several || elsewhere(first) || public.any(elsewhere);
        }
        let silent = || now >= self.last_success.saturating_add(config.silence);
        self.several && self.failures >= config.failures && !self.is_suspected() && silent()
    }

    /// The network seems to be down.
    pub(super) fn suspect(&mut self, now: Timestamp, config: &Config) {
        self.suspicion =
            Some(Suspicion { probe: now.saturating_add(config.probe), gap: nanos(config.probe) });
    }

    /// A node in a public network has answered, or connected: the network works. If it seemed to be down, it was: what has
    /// failed since the last success is pardoned, among so many slots of nodes. Returns whether it was.
    pub(super) fn succeeded(&mut self, now: Timestamp, slots: u32) -> bool {
        let was_down = self.is_suspected();
        if was_down {
            self.back = now;
            self.pardon(self.last_success, true, slots);
        }
        self.last_success = now;
        self.left_host(now);
        self.forget_failures();
        was_down
    }

    /// The network works, and has worked all the time: what has failed is to blame. Returns whether it seemed to be down.
    pub(super) fn was_up(&mut self) -> bool {
        self.suspicion.take().is_some()
    }

    /// This host has another interface or address. Returns whether that is news: changes in quick succession are one.
    pub(super) fn changes(&mut self, now: Timestamp, config: &Config) -> bool {
        let before = self.changed.replace(now);
        before.is_none_or(|before| now.saturating_since(before) > config.changes)
    }

    /// This host has another interface or address: among so many slots of nodes, all failures of the transport are
    /// pardoned. Returns whether the network seemed to be down.
    pub(super) fn start_over(&mut self, now: Timestamp, slots: u32) -> bool {
        let was_suspected = self.is_suspected();
        self.back = now;
        self.last_success = now;
        self.left_host(now);
        self.forget_failures();
        self.pardon(Timestamp::ZERO, false, slots);
        was_suspected
    }

    fn forget_failures(&mut self) {
        self.failures = 0;
        self.subnet = None;
        self.several = false;
        self.suspicion = None;
    }

    /// Pardons failures since an instant. A number says so; each node is looked at when its turn comes.
    fn pardon(&mut self, since: Timestamp, handshakes: bool, slots: u32) {
        let unfinished = self.unreviewed > 0;
        let before = if unfinished { self.pardon_since } else { since };
        self.pardon_since = since.min(before);
        self.pardons_handshakes = handshakes || (unfinished && self.pardons_handshakes);
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

    /// Whether what is held against a node was not looked at under the latest pardon, which may concern it.
    #[inline]
    pub(super) fn is_stale(&self, notes: &Notes) -> bool {
        let concerned = match notes.cause {
            Cause::Transport => true,
            Cause::Handshake => self.pardons_handshakes,
            Cause::None | Cause::History | Cause::Protocol | Cause::Resolve => false,
        };
        concerned && notes.pardon != self.pardons
    }

    /// Whether the latest pardon covers a failure that happened then.
    pub(super) fn pardons_since(&self, failed: Timestamp) -> bool {
        failed >= self.pardon_since
    }
}
