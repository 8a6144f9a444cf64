//! What must hold once nothing goes wrong any more.

use std::time::Duration;

use super::faults::MOST_BEHIND;
use super::wire::{State, TIMEOUT};
use super::{LOOKUP, Network};
use crate::world::Config;

impl Network {
    /// How long after the faults every slot is filled: the longest cooldown with its jitter; lookups until everybody
    /// is known; a timeout at everybody, one after the other; a restart that is under way, and a clock set back.
    #[must_use]
    pub fn bound(&self) -> Duration {
        let config = Config::default();
        let hosts = self.hosts.len() as u32;
        let cooldown = config.backoff.max * (100 + config.backoff.jitter_percent) / 100;
        let lookups = config.discover.lookup_interval_max * (hosts.div_ceil(LOOKUP as u32) + 1);
        let restart = Duration::from_secs(120);
        cooldown + lookups + TIMEOUT * hosts + restart + MOST_BEHIND
    }

    /// Every connection is up at both ends, and no two hosts share two.
    ///
    /// # Panics
    /// That is not so.
    pub fn assert_settled(&self) {
        let mut pairs = std::collections::BTreeMap::new();
        for connection in &self.connections {
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
    /// can be reached are connected.
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
            let reachable =
                (0..self.hosts.len()).filter(|other| *other != host && !self.hosts[*other].hidden);
            let missing: Vec<usize> = reachable.filter(|other| !is_peer(*other)).collect();
            let gauges = this.dialer.gauges();
            let full = gauges.dynamic_peers >= this.dialer.config().dynamic_target;
            let explain = |other: usize| (other, this.dialer.explain(&self.hosts[other].id));
            let told = || missing.iter().map(|other| explain(*other)).collect::<Vec<_>>();
            assert!(full || missing.is_empty(), "host {host} at {}: {gauges:?}: {:#?}", self.now, told());
            let absent: Vec<_> = this.fixed.iter().filter(|other| missing.contains(other)).collect();
            assert!(absent.is_empty(), "static nodes {absent:?} of host {host}: {:#?}", told());
        }
    }
}
