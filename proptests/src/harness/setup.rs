//! The config a run begins with: a profile, and limits small enough to be met.

use std::time::Duration;

use dialstate::{Churn, Profile, Timestamp};

use super::pool;
use crate::world::Config;

/// What a run begins with, in plain numbers, each taken modulo its choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Whose rules hold.
    pub profile: Profile,
    /// The dynamic target, the active dials, and the active static ones.
    pub slots: [u8; 3],
    /// The burst.
    pub burst: u8,
    /// Without discovery, without diversity.
    pub without: [bool; 2],
    /// How many bootnodes, and the restrict list.
    pub rules: [u8; 2],
    /// Whether collections have small caps.
    pub tight: bool,
    /// Feelers, churn advice, family health.
    pub options: [bool; 3],
    /// When time begins, and how much later it begins for the twin.
    pub times: [u8; 2],
    /// The seed of the rng.
    pub seed: u8,
}

impl Setup {
    /// How many bytes say everything.
    pub const BYTES: usize = 12;

    /// The setup that these bytes say. None is of scheduler: saved inputs are to go on meaning what they meant.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let [profile, t, a, s, burst, without, bootnodes, restrict, tight, options, times, seed] = bytes;
        Self {
            profile: if profile % 4 == 3 { Profile::Classic } else { Profile::Balanced },
            slots: [t, a, s],
            burst,
            without: [without % 8 > 5, without % 3 == 2],
            rules: [bootnodes, restrict],
            tight: tight % 4 == 3,
            options: [options % 4 == 3, options / 4 % 4 == 3, options / 16 % 4 == 3],
            times: [times, times / 4],
            seed,
        }
    }

    /// The config.
    #[must_use]
    pub fn config(&self) -> Config {
        let mut config = Config::for_profile(self.profile);
        let [target, active, fixed] = self.slots.map(usize::from);
        config.dynamic_target = [16, 3, 2, 1, 0][target % 5];
        config.bootnodes = (0..self.rules[0] % 4).map(|n| pool::node(n + 3, n * 5)).collect();
        config.restrict = pool::restrict(self.rules[1]);
        config.discovery = !self.without[0];
        if self.profile == Profile::Balanced {
            config.max_active_dials = [16, 2, 1][active % 3];
            config.pace.static_active = [16, 2, 1][fixed % 3];
            config.pace.burst = [16, 1][usize::from(self.burst % 2)];
            let [feeler, churn, health] = self.options;
            config.feeler_interval = feeler.then_some(Duration::from_secs(120));
            config.churn = churn.then(Churn::default);
            config.family_health = health;
            if self.without[1] {
                config.diversity = None;
            }
        }
        if self.tight {
            let limits = &mut config.limits;
            (limits.statics, limits.good, limits.others) = (3, 2, 5);
            (limits.banned_ids, limits.banned_networks) = (1, 2);
            (limits.inbound_handshakes, limits.requested, limits.lookup_buffer) = (2, 1, 3);
        }
        config
    }

    /// When time begins.
    #[must_use]
    pub const fn start(&self) -> Timestamp {
        Timestamp::from_secs([0, 1_000_000][self.times[0] as usize % 2])
    }

    /// How much later everything happens to the twin.
    #[must_use]
    pub const fn shift(&self) -> Duration {
        Duration::new([0, 604_800, 4_000_000_000][self.times[1] as usize % 3], 7 * (self.times[1] as u32 % 3))
    }
}
