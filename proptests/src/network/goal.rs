//! What must hold once nothing goes wrong any more.

use std::time::Duration;

use dialstate::DisconnectReason;

use super::faults::MOST_BEHIND;
use super::operator::LONGEST_BAN;
use super::wire::{Connection, GOODBYE, State, TIMEOUT};
use super::{LOOKUP, Network};
use crate::world::Config;

/// What has begun at one end has reached the other one by then.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

impl Network {
    /// How long after the faults every slot is filled: a restart that is under way, and a clock set back; the longest
    /// ban, and the longest cooldown with its jitter, which a banned host may earn at its end; then, as after a peer
    /// was given up, what it takes to find another.
    #[must_use]
    pub fn bound(&self) -> Duration {
        let config = Config::default();
        let cooldown = config.backoff.max * (100 + config.backoff.jitter_percent) / 100;
        let restart = Duration::from_secs(120);
        restart + MOST_BEHIND + LONGEST_BAN + cooldown + self.search()
    }

    /// How long it takes to fill a slot when nobody cools down for longer than the first time: lookups until everybody
    /// is known, a timeout at everybody, one after the other, and the deadline of what was left undone. It is free when
    /// the goodbyes are over.
    fn search(&self) -> Duration {
        let config = Config::default();
        let hosts = self.hosts.len() as u32;
        let cooldown = config.backoff.short * (100 + config.backoff.jitter_percent) / 100;
        let lookups = config.lookups.interval_max * (hosts.div_ceil(LOOKUP as u32) + 1);
        let deadline = config.deadlines.dial.unwrap_or_default();
        // Where a family of addresses seems to lead nowhere, a node that comes too early for the next probe waits.
        let families = self.hosts.iter().any(|host| host.config.family_health);
        let probes = if families { config.backoff.medium * hosts } else { Duration::ZERO };
        // Those that have failed often and never connected are dialed one at a time.
        let unlikely = config.outage.probe * hosts;
        GOODBYE + cooldown + lookups + TIMEOUT * hosts + deadline + probes + unlikely
    }

    /// An option may take a peer away at any time: both ends have to find another one then.
    pub(super) fn excuse(&mut self, host: usize, other: usize, reason: DisconnectReason, closed: &[usize]) {
        let until = match reason {
            DisconnectReason::Churn => self.now.saturating_add(self.search()),
            // A feeler that met with a connection from the other side takes that with it, after a short session.
            DisconnectReason::FeelerDone if closed.len() > 1 => {
                self.note("two connections of a feeler");
                self.now.saturating_add(self.bound())
            }
            _ => return,
        };
        if reason == DisconnectReason::Churn {
            self.hosts[host].churned = Some(self.now);
        }
        self.hosts[host].excused.insert(other, until);
        self.hosts[other].excused.insert(host, until);
    }

    /// Every connection is up at both ends, and no two hosts share two, but for what is on its way.
    ///
    /// # Panics
    /// That is not so.
    pub fn assert_settled(&self) {
        let mut pairs = std::collections::BTreeMap::new();
        let settled = |c: &&Connection| !c.is_leaving() && self.now.saturating_since(c.changed) > ON_ITS_WAY;
        for connection in self.connections.iter().filter(settled) {
            let [from, to] = connection.ends;
            let up = connection.state.map(|state| state == State::Up);
            assert_eq!(up[0], up[1], "half a connection at {}: {connection:?}", self.now);
            if up[0] {
                let other = pairs.insert((from.min(to), from.max(to)), connection);
                assert!(other.is_none(), "two connections: {connection:?} and {other:?}");
            }
        }
    }

    /// Every host has its dynamic target, or is connected with everybody that can be reached; static nodes that
    /// can be reached are connected. A host that was full, and gave one peer up to find another, may still look for it.
    ///
    /// # Panics
    /// That is not so.
    pub fn assert_full(&self) {
        for (host, this) in self.hosts.iter().enumerate() {
            let is_peer = |other: usize| {
                self.connections
                    .iter()
                    .any(|c| c.state[0] == State::Up && (c.ends == [host, other] || c.ends == [other, host]))
            };
            let excused = |other: &usize| this.excused.get(other).is_some_and(|until| *until > self.now);
            let reachable =
                (0..self.hosts.len()).filter(|other| *other != host && !self.hosts[*other].hidden);
            let missing: Vec<usize> = reachable.filter(|other| !is_peer(*other) && !excused(other)).collect();
            let gauges = this.dialer.gauges();
            let search = self.search();
            let churned = this.churned.is_some_and(|at| self.now.saturating_since(at) < search);
            let target = this.config.dynamic_target;
            assert_eq!(this.dialer.config(), &this.config, "host {host}");
            let full = gauges.dynamic_peers + u32::from(churned) >= target;
            let explain = |other: usize| (other, this.dialer.explain(&self.hosts[other].id));
            let told = || missing.iter().map(|other| explain(*other)).collect::<Vec<_>>();
            assert!(full || missing.is_empty(), "host {host} at {}: {gauges:?}: {:#?}", self.now, told());
            let absent: Vec<_> = this.fixed.iter().filter(|other| missing.contains(other)).collect();
            assert!(absent.is_empty(), "static nodes {absent:?} of host {host}: {:#?}", told());
        }
    }
}
