//! The constants of the two profiles are those that the documentation promises, and each cap counts in the bound on memory.

use std::net::SocketAddr;
use std::time::Duration;

use dialstate::{Churn, Profile};
use dialstate_proptests::world::{Config, Id};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn balanced() {
    let config = Config::balanced();
    assert_eq!(config, Config::default());
    assert_eq!(config.profile(), Profile::Balanced);
    assert_eq!((config.dynamic_target, config.max_active_dials, config.max_addrs), (16, 32, 4));
    assert!(config.dialing);
    assert!(config.discovery && config.bootnodes.is_empty() && config.restrict.is_none());
    assert_eq!(config.stagger, Duration::from_millis(250));
    let deadlines = &config.deadlines;
    assert_eq!([deadlines.dial, deadlines.resolve, deadlines.lookup], [Some(30 * SECOND); 3]);
    assert_eq!(deadlines.inbound_handshake, 30 * SECOND);
    let (lookups, fallback, resolves) = (&config.lookups, &config.fallback, &config.resolves);
    assert_eq!(
        [lookups.first, lookups.interval, lookups.interval_max],
        [SECOND / 4, 4 * SECOND, 60 * SECOND]
    );
    assert_eq!([fallback.after, fallback.max], [20 * SECOND, 60 * SECOND]);
    assert_eq!([resolves.delay, resolves.delay_max], [60 * SECOND, 3_600 * SECOND]);
    let backoff = &config.backoff;
    let spans = [
        backoff.history,
        backoff.static_first,
        backoff.static_max,
        backoff.short,
        backoff.medium,
        backoff.long,
        backoff.max,
        backoff.stable_session,
        backoff.local_pause,
        backoff.local_pause_max,
    ];
    assert_eq!(spans, [30, 5, 60, 30, 180, 900, 3_600, 600, 1, 30].map(|seconds| seconds * SECOND));
    assert_eq!((backoff.jitter_percent, backoff.worn_after, backoff.keep_usable), (20, 6, 32));
    let (pace, outage) = (&config.pace, &config.outage);
    assert_eq!((pace.static_active, pace.burst), (16, 16));
    assert_eq!((pace.interval, pace.slow_after, pace.jump), (SECOND / 8, 2 * SECOND, 60 * SECOND));
    assert_eq!((outage.failures, outage.silence, outage.probe), (8, 30 * SECOND, 5 * SECOND));
    assert_eq!(outage.changes, 30 * SECOND);
    let diversity = config.diversity.as_ref().unwrap();
    let limits = [diversity.v4_24, diversity.v4_16, diversity.v6_48, diversity.v6_32, diversity.no_ip];
    assert_eq!((limits, diversity.relax_after), ([2, 4, 2, 4, 4], 60 * SECOND));
    assert_eq!((config.feeler_interval, config.anchors, &config.churn), (None, 0, &None));
    assert!(!config.family_health);
    let churn = Churn::default();
    assert_eq!([churn.min, churn.max, churn.min_age], [180, 420, 600].map(|seconds| seconds * SECOND));
    let limits = &config.limits;
    assert_eq!([limits.good, limits.others, limits.statics, limits.peers], [4_096, 12_288, 1 << 20, 4_096]);
    assert_eq!(
        [limits.banned_ids, limits.banned_networks, limits.inbound_handshakes],
        [1 << 20, 65_536, 1_024]
    );
    assert_eq!([limits.requested, limits.bootnodes, limits.notices], [64, 64, 256]);
    assert_eq!([limits.lookup_buffer, limits.lookup_answer], [65_536, 256]);
}

/// What go-ethereum does not have is off, and the rest is as in balanced.
#[test]
fn classic() {
    let mut config = Config::classic();
    assert_eq!(
        (config.profile(), config.max_active_dials, config.max_addrs),
        (Profile::Classic, u32::MAX, 16)
    );
    let deadlines = &config.deadlines;
    assert_eq!([deadlines.dial, deadlines.resolve, deadlines.lookup], [None; 3]);
    assert_eq!((config.pace.static_active, config.pace.interval), (u32::MAX, Duration::ZERO));
    assert_eq!((&config.diversity, config.limits.lookup_answer), (&None, 65_536));
    let balanced = Config::balanced();
    config.limits.lookup_answer = 256;
    (config.max_active_dials, config.max_addrs) = (32, 4);
    (config.deadlines, config.diversity) = (balanced.deadlines.clone(), balanced.diversity.clone());
    (config.pace.static_active, config.pace.interval) = (16, SECOND / 8);
    let [mut config, balanced] = [config, balanced].map(|config| serde_json::to_value(config).unwrap());
    assert_eq!(config["profile"].take(), "Classic");
    config["profile"] = balanced["profile"].clone();
    assert_eq!(config, balanced);
}

/// The scheduler is the classic profile with numbers of its own.
#[test]
fn scheduler() {
    let mut config = Config::scheduler();
    assert_eq!((config.profile(), config.max_active_dials), (Profile::Scheduler, 50));
    assert_eq!((config.lookups.interval, config.backoff.history), (SECOND, 35 * SECOND));
    assert_eq!(config.deadlines.inbound_handshake, dialstate::MAX_DURATION);
    let classic = Config::classic();
    config.max_active_dials = classic.max_active_dials;
    (config.lookups, config.deadlines) = (classic.lookups.clone(), classic.deadlines.clone());
    config.backoff = classic.backoff.clone();
    let [mut config, classic] = [config, classic].map(|config| serde_json::to_value(config).unwrap());
    assert_eq!(config["profile"].take(), "Scheduler");
    config["profile"] = classic["profile"].clone();
    assert_eq!(config, classic);
}

/// The profile is set by the constructors, and goes with a config that is saved.
#[test]
fn a_config_is_read_back_with_its_profile() {
    for config in [Config::classic().with_dynamic_target(7), Config::balanced().with_anchors(2)] {
        let text = serde_json::to_string(&config).unwrap();
        let read: Config = serde_json::from_str(&text).unwrap();
        assert_eq!((read.profile(), &read), (config.profile(), &config));
        assert_eq!(postcard::from_bytes::<Config>(&postcard::to_allocvec(&config).unwrap()).unwrap(), config);
    }
}

/// A cap that is raised by so much raises the bound by that much at least: by what one thing under it takes.
#[test]
fn every_cap_counts_in_the_memory_bound() {
    type Raise = fn(&mut Config, u32);
    let (id, addr) = (size_of::<Id>() as u64, size_of::<SocketAddr>() as u64);
    let caps: [(&str, Raise, u64); 11] = [
        ("good", |config, by| config.limits.good += by, id + addr),
        ("others", |config, by| config.limits.others += by, id + addr),
        ("statics", |config, by| config.limits.statics += by, id + addr),
        ("peers", |config, by| config.limits.peers += by, id + addr),
        ("banned_ids", |config, by| config.limits.banned_ids += by, id),
        ("banned_networks", |config, by| config.limits.banned_networks += by, 17),
        ("inbound_handshakes", |config, by| config.limits.inbound_handshakes += by, id),
        ("requested", |config, by| config.limits.requested += by, id),
        ("bootnodes", |config, by| config.limits.bootnodes += by, id + addr),
        ("notices", |config, by| config.limits.notices += by, id),
        ("lookup_buffer", |config, by| config.limits.lookup_buffer += by, id + addr),
    ];
    const BY: u32 = 1 << 20;
    for classic in [false, true] {
        let config = || if classic { Config::classic() } else { Config::balanced() };
        for (name, raise, each) in caps {
            let mut raised = config();
            raise(&mut raised, BY);
            let more = raised.memory_bound().checked_sub(config().memory_bound());
            let least = if name == "lookup_buffer" && !classic { 0 } else { u64::from(BY) * each };
            assert!(
                more.is_some_and(|more| more >= least),
                "{name}, classic {classic}: {more:?} for {least}"
            );
        }
    }
    let (mut more, less) = (Config::balanced(), Config::balanced().memory_bound());
    more.max_addrs = 16;
    let nodes = u64::from(more.limits.good + more.limits.others + more.limits.statics);
    assert!(more.memory_bound() - less >= nodes * 12 * addr);
    let mut listed = Config::balanced();
    listed.restrict =
        Some((0..=255).map(|n| ipnet::Ipv4Net::new([n, 0, 0, 0].into(), 8).unwrap().into()).collect());
    assert!(listed.memory_bound() - less >= 256 * 17);
}
