//! Setters that chain: for each public field one, of the same name behind `with_`.

use alloc::vec::Vec;
use core::time::Duration;

use ipnet::IpNet;

use super::{
    Backoff, Churn, Config, Deadlines, Diversity, Fallback, Limits, Lookups, Outage, Pace, Resolves,
};
use crate::node::Node;

macro_rules! setters {
    ($config:ident $(<$($param:ident),+>)? { $($with:ident = $field:ident: $type:ty),+ $(,)? }) => {
        impl $(<$($param),+>)? $config $(<$($param),+>)? {
            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](Self::", stringify!($field), ").")]
                #[must_use]
                pub fn $with(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )+
        }
    };
}

setters! {
    Config<I, A> {
        with_dynamic_target = dynamic_target: u32,
        with_max_active_dials = max_active_dials: u32,
        with_dialing = dialing: bool,
        with_discovery = discovery: bool,
        with_bootnodes = bootnodes: Vec<Node<I, A>>,
        with_restrict = restrict: Option<Vec<IpNet>>,
        with_max_addrs = max_addrs: u32,
        with_stagger = stagger: Duration,
        with_deadlines = deadlines: Deadlines,
        with_lookups = lookups: Lookups,
        with_fallback = fallback: Fallback,
        with_resolves = resolves: Resolves,
        with_backoff = backoff: Backoff,
        with_pace = pace: Pace,
        with_outage = outage: Outage,
        with_diversity = diversity: Option<Diversity>,
        with_limits = limits: Limits,
        with_feeler_interval = feeler_interval: Option<Duration>,
        with_anchors = anchors: u32,
        with_churn = churn: Option<Churn>,
        with_family_health = family_health: bool,
        with_revalidation = revalidation: bool,
    }
}

setters! {
    Deadlines {
        with_dial = dial: Option<Duration>,
        with_resolve = resolve: Option<Duration>,
        with_lookup = lookup: Option<Duration>,
        with_inbound_handshake = inbound_handshake: Duration,
    }
}

setters! {
    Lookups {
        with_first = first: Duration,
        with_interval = interval: Duration,
        with_interval_max = interval_max: Duration,
    }
}

setters! {
    Fallback {
        with_after = after: Duration,
        with_max = max: Duration,
    }
}

setters! {
    Resolves {
        with_delay = delay: Duration,
        with_delay_max = delay_max: Duration,
    }
}

setters! {
    Pace {
        with_static_active = static_active: u32,
        with_burst = burst: u32,
        with_interval = interval: Duration,
        with_slow_after = slow_after: Duration,
        with_jump = jump: Duration,
    }
}

setters! {
    Backoff {
        with_history = history: Duration,
        with_static_first = static_first: Duration,
        with_static_max = static_max: Duration,
        with_short = short: Duration,
        with_medium = medium: Duration,
        with_long = long: Duration,
        with_max = max: Duration,
        with_jitter_percent = jitter_percent: u32,
        with_stable_session = stable_session: Duration,
        with_local_pause = local_pause: Duration,
        with_local_pause_max = local_pause_max: Duration,
        with_worn_after = worn_after: u32,
        with_keep_usable = keep_usable: u32,
    }
}

setters! {
    Outage {
        with_failures = failures: u32,
        with_silence = silence: Duration,
        with_probe = probe: Duration,
        with_changes = changes: Duration,
    }
}

setters! {
    Diversity {
        with_v4_24 = v4_24: u32,
        with_v4_16 = v4_16: u32,
        with_v6_48 = v6_48: u32,
        with_v6_32 = v6_32: u32,
        with_no_ip = no_ip: u32,
        with_relax_after = relax_after: Duration,
    }
}

setters! {
    Limits {
        with_good = good: u32,
        with_others = others: u32,
        with_statics = statics: u32,
        with_peers = peers: u32,
        with_banned_ids = banned_ids: u32,
        with_banned_networks = banned_networks: u32,
        with_inbound_handshakes = inbound_handshakes: u32,
        with_requested = requested: u32,
        with_bootnodes = bootnodes: u32,
        with_lookup_buffer = lookup_buffer: u32,
        with_lookup_answer = lookup_answer: u32,
        with_notices = notices: u32,
    }
}

setters! {
    Churn {
        with_min = min: Duration,
        with_max = max: Duration,
        with_min_age = min_age: Duration,
    }
}
