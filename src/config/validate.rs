//! Validation of a config: ranges of values, and values that must not exceed others.

use core::time::Duration;

use super::{Backoff, Churn, Config, Deadlines, Diversity, MAX_DURATION};
use crate::address::Addrs;
use crate::error::ConfigError;

impl<I, A> Config<I, A> {
    /// Checks every field. (Whether a bootnode has the dialer's own id, `Dialer::new` checks.)
    ///
    /// # Errors
    /// The first field that is out of its range, with the range, or that exceeds another field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_counts()?;
        self.deadlines.validate()?;
        let (lookups, fallback, resolves) = (&self.lookups, &self.fallback, &self.resolves);
        duration("lookups.first", lookups.first, MILLI)?;
        range(("lookups.interval", lookups.interval), ("lookups.interval_max", lookups.interval_max))?;
        range(("fallback.after", fallback.after), ("fallback.max", fallback.max))?;
        range(("resolves.delay", resolves.delay), ("resolves.delay_max", resolves.delay_max))?;
        self.backoff.validate()?;
        duration("stagger", self.stagger, Duration::ZERO)?;
        // So long at most it takes until a burst is full again: no instant is beyond what a `Timestamp` holds.
        let longest = MAX_DURATION.checked_div(self.pace.burst).unwrap_or(MAX_DURATION);
        span("pace.interval", self.pace.interval, Duration::ZERO, longest)?;
        duration("pace.slow_after", self.pace.slow_after, Duration::ZERO)?;
        duration("pace.jump", self.pace.jump, MILLI)?;
        duration("outage.silence", self.outage.silence, Duration::ZERO)?;
        duration("outage.probe", self.outage.probe, MILLI)?;
        duration("outage.changes", self.outage.changes, Duration::ZERO)?;
        self.diversity.as_ref().map_or(Ok(()), Diversity::validate)?;
        self.feeler_interval.map_or(Ok(()), |interval| duration("feeler_interval", interval, MILLI))?;
        count("anchors", self.anchors, 0, u64::from(Self::MAX_ANCHORS))?;
        self.churn.as_ref().map_or(Ok(()), Churn::validate)
    }

    /// Checks every field, and that no bootnode has the id `me`.
    pub(crate) fn validate_for(&self, me: &I) -> Result<(), ConfigError>
    where
        I: PartialEq,
    {
        self.validate()?;
        if self.bootnode(me).is_some() { Err(ConfigError::OwnBootnode) } else { Ok(()) }
    }

    fn validate_counts(&self) -> Result<(), ConfigError> {
        const SLOTS: u64 = 1 << 30;
        let limits = &self.limits;
        count("max_active_dials", self.max_active_dials, 1, u64::from(u32::MAX))?;
        count("max_addrs", self.max_addrs, 1, Addrs::<A>::MAX as u64)?;
        count("pace.static_active", self.pace.static_active, 1, u64::from(u32::MAX))?;
        count("pace.burst", self.pace.burst, 1, 1 << 20)?;
        count("outage.failures", self.outage.failures, 1, 1 << 20)?;
        count("dynamic_target", self.dynamic_target, 0, 1 << 20)?;
        count("limits.good", limits.good, 1, SLOTS)?;
        count("limits.others", limits.others, 1, SLOTS)?;
        count("limits.statics", limits.statics, 0, SLOTS)?;
        count("limits.peers", limits.peers, 1, SLOTS)?;
        count("limits.banned_ids", limits.banned_ids, 0, SLOTS)?;
        count("limits.banned_networks", limits.banned_networks, 0, SLOTS)?;
        count("limits.inbound_handshakes", limits.inbound_handshakes, 1, SLOTS)?;
        count("limits.requested", limits.requested, 0, 1 << 20)?;
        count("limits.lookup_buffer", limits.lookup_buffer, 0, SLOTS)?;
        count("limits.lookup_answer", limits.lookup_answer, 1, 1 << 20)?;
        count("limits.notices", limits.notices, 0, 1 << 20)?;
        count("limits.bootnodes", limits.bootnodes, 0, 1 << 20)?;
        let bootnodes = u32::try_from(self.bootnodes.len()).unwrap_or(u32::MAX);
        not_above("bootnodes", bootnodes, "limits.bootnodes", limits.bootnodes)
    }
}

impl Deadlines {
    fn validate(&self) -> Result<(), ConfigError> {
        for (field, value) in [
            ("deadlines.dial", self.dial),
            ("deadlines.resolve", self.resolve),
            ("deadlines.lookup", self.lookup),
            ("deadlines.inbound_handshake", Some(self.inbound_handshake)),
        ] {
            value.map_or(Ok(()), |value| duration(field, value, MILLI))?;
        }
        Ok(())
    }
}

impl Backoff {
    fn validate(&self) -> Result<(), ConfigError> {
        duration("backoff.history", self.history, Duration::ZERO)?;
        range(("backoff.static_first", self.static_first), ("backoff.static_max", self.static_max))?;
        range(("backoff.short", self.short), ("backoff.max", self.max))?;
        range(("backoff.medium", self.medium), ("backoff.max", self.max))?;
        range(("backoff.long", self.long), ("backoff.max", self.max))?;
        range(("backoff.local_pause", self.local_pause), ("backoff.local_pause_max", self.local_pause_max))?;
        duration("backoff.stable_session", self.stable_session, Duration::ZERO)?;
        count("backoff.jitter_percent", self.jitter_percent, 0, 90)?;
        count("backoff.worn_after", self.worn_after, 1, u64::from(u8::MAX))
    }
}

impl Diversity {
    fn validate(&self) -> Result<(), ConfigError> {
        let most = u64::from(u32::MAX);
        count("diversity.v4_24", self.v4_24, 1, most)?;
        count("diversity.v4_16", self.v4_16, 1, most)?;
        count("diversity.v6_48", self.v6_48, 1, most)?;
        count("diversity.v6_32", self.v6_32, 1, most)?;
        count("diversity.no_ip", self.no_ip, 1, most)?;
        duration("diversity.relax_after", self.relax_after, MILLI)
    }
}

impl Churn {
    fn validate(&self) -> Result<(), ConfigError> {
        range(("churn.min", self.min), ("churn.max", self.max))?;
        duration("churn.min_age", self.min_age, Duration::ZERO)
    }
}

const MILLI: Duration = Duration::from_millis(1);

fn count(field: &'static str, given: u32, least: u64, most: u64) -> Result<(), ConfigError> {
    let given = u64::from(given);
    let within = (least..=most).contains(&given);
    if within { Ok(()) } else { Err(ConfigError::OutOfRange { field, least, most, given }) }
}

fn duration(field: &'static str, given: Duration, least: Duration) -> Result<(), ConfigError> {
    span(field, given, least, MAX_DURATION)
}

fn span(field: &'static str, given: Duration, least: Duration, most: Duration) -> Result<(), ConfigError> {
    let within = (least..=most).contains(&given);
    if within { Ok(()) } else { Err(ConfigError::DurationOutOfRange { field, least, most, given }) }
}

fn not_above(field: &'static str, given: u32, bound: &'static str, most: u32) -> Result<(), ConfigError> {
    if given <= most { Ok(()) } else { Err(ConfigError::Above { field, bound }) }
}

/// A first delay and its upper bound.
fn range(first: (&'static str, Duration), most: (&'static str, Duration)) -> Result<(), ConfigError> {
    duration(first.0, first.1, MILLI)?;
    duration(most.0, most.1, MILLI)?;
    if first.1 <= most.1 { Ok(()) } else { Err(ConfigError::Above { field: first.0, bound: most.0 }) }
}
