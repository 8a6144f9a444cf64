//! Statistics: counters and gauges.

use crate::event::DialOutcome;
use crate::refusal::Refusal;

/// What has happened since the start: the answer of [`Dialer::stats`](crate::Dialer::stats). Counters only grow, and saturate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Stats {
    /// Events handled, refused ones included.
    pub events: u64,
    /// Events refused with an error.
    pub event_errors: u64,
    /// Events with a `now` before that of an earlier event.
    pub clock_regressions: u64,
    /// Jumps of time, as after a suspend; see [`Pace::jump`](crate::Pace::jump).
    pub clock_jumps: u64,
    /// Drains that ended in a `Sleep`.
    pub sleeps: u64,
    /// Dials issued.
    pub dials: u64,
    /// Dials answered, by outcome.
    pub outcomes: Outcomes,
    /// Dials that reached their deadline.
    pub dials_overdue: u64,
    /// Dials cancelled because of an event.
    pub dials_cancelled: u64,
    /// Resolves issued.
    pub resolves: u64,
    /// Lookups issued.
    pub lookups: u64,
    /// Nodes found by lookups.
    pub lookup_nodes: u64,
    /// Answers to tasks that had ended.
    pub late_answers: u64,
    /// Answers to tasks that were never issued.
    pub unknown_answers: u64,
    /// Known nodes evicted to make room for others.
    pub evictions: u64,
    /// New nodes dropped because there was no room for them.
    pub dropped: u64,
    /// Pending inbound handshakes that expired, or were forgotten to make room for others.
    pub inbound_expired: u64,
    /// Notices dropped because nobody fetched them in time.
    pub notices_dropped: u64,
    /// Candidates refused, by reason; counted once each time that a node begins to wait for that reason.
    pub refusals: Refusals,
}

/// Dials answered, by outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Outcomes {
    /// `DialOutcome::Connected`.
    pub connected: u64,
    /// `DialOutcome::Unreachable`.
    pub unreachable: u64,
    /// `DialOutcome::Refused`.
    pub refused: u64,
    /// `DialOutcome::TimedOut`.
    pub timed_out: u64,
    /// `DialOutcome::HandshakeFailed`.
    pub handshake_failed: u64,
    /// `DialOutcome::WrongIdentity`.
    pub wrong_identity: u64,
    /// `DialOutcome::TooManyPeers`.
    pub too_many_peers: u64,
    /// `DialOutcome::Useless`.
    pub useless: u64,
    /// `DialOutcome::LocalError`.
    pub local_error: u64,
    /// `DialOutcome::Cancelled`.
    pub cancelled: u64,
}

impl Outcomes {
    pub(crate) const fn count(&mut self, outcome: DialOutcome) {
        let counter = match outcome {
            DialOutcome::Connected => &mut self.connected,
            DialOutcome::Unreachable => &mut self.unreachable,
            DialOutcome::Refused => &mut self.refused,
            DialOutcome::TimedOut => &mut self.timed_out,
            DialOutcome::HandshakeFailed => &mut self.handshake_failed,
            DialOutcome::WrongIdentity => &mut self.wrong_identity,
            DialOutcome::TooManyPeers => &mut self.too_many_peers,
            DialOutcome::Useless => &mut self.useless,
            DialOutcome::LocalError => &mut self.local_error,
            DialOutcome::Cancelled => &mut self.cancelled,
        };
        count(counter);
    }
}

/// Candidates refused, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Refusals {
    /// `Refusal::OwnId` and `Refusal::Unknown`. (While dialing is off nobody is refused: nobody is looked at.)
    pub not_a_candidate: u64,
    /// `Refusal::InAttempt`.
    pub in_attempt: u64,
    /// `Refusal::Connected`.
    pub connected: u64,
    /// `Refusal::InboundPending`.
    pub inbound_pending: u64,
    /// `Refusal::BannedId` and `Refusal::BannedNetwork`.
    pub banned: u64,
    /// `Refusal::Restricted`.
    pub restricted: u64,
    /// `Refusal::NoAddress` and `Refusal::ResolveDelay`.
    pub unresolved: u64,
    /// `Refusal::Cooling`.
    pub cooling: u64,
    /// `Refusal::FamilyDown`.
    pub family_down: u64,
    /// `Refusal::SubnetFull`.
    pub subnet_full: u64,
}

impl Refusals {
    pub(crate) const fn count(&mut self, refusal: &Refusal) {
        let counter = match refusal {
            Refusal::OwnId | Refusal::Unknown | Refusal::DialingOff => &mut self.not_a_candidate,
            Refusal::InAttempt { .. } => &mut self.in_attempt,
            Refusal::Connected => &mut self.connected,
            Refusal::InboundPending { .. } => &mut self.inbound_pending,
            Refusal::BannedId { .. } | Refusal::BannedNetwork { .. } => &mut self.banned,
            Refusal::Restricted => &mut self.restricted,
            Refusal::NoAddress | Refusal::ResolveDelay { .. } => &mut self.unresolved,
            Refusal::Cooling { .. } => &mut self.cooling,
            Refusal::FamilyDown { .. } => &mut self.family_down,
            Refusal::SubnetFull { .. } => &mut self.subnet_full,
        };
        count(counter);
    }
}

/// Adds one; saturates.
pub(crate) const fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

/// What there is now: the answer of [`Dialer::gauges`](crate::Dialer::gauges). The numbers are taken from the collections
/// themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Gauges {
    /// Inbound peers.
    pub inbound_peers: u32,
    /// Outbound peers in the static budget.
    pub static_peers: u32,
    /// Outbound peers in the dynamic budget.
    pub dynamic_peers: u32,
    /// Attempts under way in the static budget.
    pub static_attempts: u32,
    /// Attempts under way in the dynamic budget.
    pub dynamic_attempts: u32,
    /// Feelers and reunions under way, and feelers that have connected and are not closed yet. They share one slot.
    pub feelers: u32,
    /// Dynamic dials older than [`Pace::slow_after`](crate::Pace::slow_after), which hold no slot any more; they are among the
    /// dynamic attempts.
    pub slow_dials: u32,
    /// Known nodes that discovery is asked for, since they may be gone; see [`Config::revalidation`](crate::Config::revalidation).
    pub revalidations: u32,
    /// Known nodes.
    pub known: u32,
    /// Known nodes that have been connected once.
    pub good: u32,
    /// Static nodes.
    pub statics: u32,
    /// Known nodes that may be dialed. Balanced only.
    pub ready: u32,
    /// Known nodes that cool down.
    pub cooling: u32,
    /// Nodes that wait for a free slot in their subnet.
    pub crowded: u32,
    /// Nodes that can't be dialed until the rules or their addresses change.
    pub parked: u32,
    /// Pending inbound handshakes.
    pub inbound_handshakes: u32,
    /// Bans.
    pub bans: u32,
}
