//! What is seen of a dialer from outside, and the figures that are read from it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dialstate::{DialKind, PeerKind, RemovalReason, Timestamp};

use crate::world::{Command, Drain, Event, Id};

/// A number that says how well a dialer decides. Times are in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// From the instant that counts to the first peer of the kind that counts: dynamic, or static where that is said.
    FirstPeer,
    /// From the instant that counts until there are as many of them as there should be.
    Full,
    /// Dials, until the figures of the run are settled.
    Dials,
    /// These in parts of what a run of the same world takes with the code of commit fa7bb78.
    DialsToBefore,
    /// From the instant that counts to the first dial.
    FirstDial,
    /// Peers that count, at the end.
    Peers,
    /// Those of them that are honest.
    Honest,
    /// From the end of a session with an honest static node to its redial: the median.
    Redial,
}

impl Figure {
    /// Its key in the JSON output.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::FirstPeer => "first_peer_s",
            Self::Full => "full_s",
            Self::Dials => "dials",
            Self::DialsToBefore => "dials_to_before",
            Self::FirstDial => "first_dial_s",
            Self::Peers => "peers",
            Self::Honest => "honest",
            Self::Redial => "redial_s",
        }
    }

    /// Whether more is better.
    #[must_use]
    pub const fn more_is_better(self) -> bool {
        matches!(self, Self::Peers | Self::Honest)
    }

    /// Whether it is a time that counts from a certain instant: a run that is past the limit has missed it.
    #[must_use]
    pub const fn is_time(self) -> bool {
        matches!(self, Self::FirstPeer | Self::Full | Self::FirstDial)
    }
}

/// What happened, as far as figures need it.
#[derive(Clone, Debug)]
pub struct Log {
    counts: DialKind,
    target: u32,
    since: Timestamp,
    now: Timestamp,
    dials: u32,
    first_dial: Option<Timestamp>,
    first_peer: Option<Timestamp>,
    full: Option<Timestamp>,
    peers: BTreeSet<Id>,
    /// When the last session with each node ended that was not dialed since.
    missed: BTreeMap<Id, Timestamp>,
    gaps: Vec<(Id, Duration)>,
}

impl Log {
    /// Of a dialer that is to have `target` peers of a kind, `Dynamic` or `Static`. Times count from `since`.
    #[must_use]
    pub const fn new(counts: DialKind, target: u32, since: Timestamp) -> Self {
        Self {
            counts,
            target,
            since,
            now: Timestamp::ZERO,
            dials: 0,
            first_dial: None,
            first_peer: None,
            full: None,
            peers: BTreeSet::new(),
            missed: BTreeMap::new(),
            gaps: Vec::new(),
        }
    }

    /// Takes one drain into account.
    pub fn drained<D>(&mut self, drain: &Drain<'_, D>) {
        self.now = drain.now;
        if drain.result.is_ok() {
            self.event(drain.event);
        }
        drain.commands.iter().for_each(|command| self.command(command));
        // What happens at the instant from which on times count comes first: `arrives` looks when that is over.
        if self.now > self.since {
            self.look();
        }
    }

    /// The run has come to `now`, and everything at that instant has happened.
    pub fn arrives(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        if self.now >= self.since {
            self.look();
        }
    }

    fn look(&mut self) {
        let peers = self.peers.len();
        self.first_peer = self.first_peer.or((peers > 0).then_some(self.now));
        self.full = self.full.or((peers >= self.target as usize).then_some(self.now));
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::PeerAdded { id, kind: PeerKind::Outbound(kind), .. } if self.is_counted(*kind) => {
                self.peers.insert(*id);
            }
            Event::PeerRemoved { id, reason } if *reason != RemovalReason::Duplicate => {
                self.peers.remove(id);
                self.missed.insert(*id, self.now);
            }
            _ => {}
        }
    }

    fn is_counted(&self, kind: DialKind) -> bool {
        // A bootnode fills a dynamic slot, and so does a peer that was brought back.
        let dynamic = matches!(kind, DialKind::Bootnode | DialKind::Reunion);
        kind == self.counts || dynamic && self.counts == DialKind::Dynamic
    }

    fn command(&mut self, command: &Command) {
        if let Command::Dial { node, .. } = command {
            self.dials += 1;
            if self.now >= self.since {
                self.first_dial = self.first_dial.or(Some(self.now));
            }
            if let Some(missed) = self.missed.remove(&node.id) {
                self.gaps.push((node.id, self.now.saturating_since(missed)));
            }
        }
    }

    /// Whether there has been a peer.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.first_peer.is_some()
    }

    /// Whether the target has been reached.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.full.is_some()
    }

    /// A figure; `None`: it never came to that. [`Figure::DialsToBefore`] is not read from one run.
    #[must_use]
    pub fn read(&self, figure: Figure, honest: &BTreeSet<Id>) -> Option<f64> {
        let after = |at: Option<Timestamp>| at.map(|at| at.saturating_since(self.since).as_secs_f64());
        let count = |n: usize| Some(n as f64);
        match figure {
            Figure::FirstPeer => after(self.first_peer),
            Figure::Full => after(self.full),
            Figure::Dials => Some(f64::from(self.dials)),
            Figure::DialsToBefore => None,
            Figure::FirstDial => after(self.first_dial),
            Figure::Peers => count(self.peers.len()),
            Figure::Honest => count(self.peers.intersection(honest).count()),
            Figure::Redial => self.redial(honest),
        }
    }

    /// Who still waits at the end counts with the time until then.
    fn redial(&self, honest: &BTreeSet<Id>) -> Option<f64> {
        let waiting = self.missed.iter().map(|(id, missed)| (*id, self.now.saturating_since(*missed)));
        let gaps = self.gaps.iter().copied().chain(waiting).filter(|(id, _)| honest.contains(id));
        let mut gaps: Vec<_> = gaps.map(|(_, gap)| gap).collect();
        gaps.sort_unstable();
        gaps.get(gaps.len() / 2).map(Duration::as_secs_f64)
    }
}
