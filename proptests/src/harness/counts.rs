//! What the harness has counted itself, of events and commands: the dialer's statistics must say the same.

use std::collections::BTreeMap;

use dialstate::{DialOutcome, EventError, Stats, Task};

use super::{Broken, ensure};
use crate::world::{Command, Event};

/// Counters of the same names as in [`Stats`].
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) events: u64,
    pub(super) event_errors: u64,
    pub(super) clock_regressions: u64,
    pub(super) clock_jumps: u64,
    sleeps: u64,
    dials: u64,
    outcomes: BTreeMap<DialOutcome, u64>,
    /// Dials that the dialer gave up: overdue, or made moot.
    pub(super) dials_given_up: u64,
    resolves: u64,
    lookups: u64,
    lookup_nodes: u64,
    late_answers: u64,
    unknown_answers: u64,
    pub(super) inbound_expired: u64,
}

impl Counts {
    /// Takes in an event and what the dialer said to it.
    pub(super) fn event(&mut self, event: &Event, result: &Result<(), EventError>) {
        self.events += 1;
        self.event_errors += u64::from(result.is_err());
        match (event, result) {
            (Event::DialFinished { outcome, .. }, Ok(())) => *self.outcomes.entry(*outcome).or_default() += 1,
            (Event::DialConnected { .. }, Ok(())) => {
                *self.outcomes.entry(DialOutcome::Connected).or_default() += 1;
            }
            (Event::LookupFinished { nodes, .. }, Ok(())) => self.lookup_nodes += nodes.len() as u64,
            (_, Err(EventError::EndedTask(_))) => self.late_answers += 1,
            (_, Err(EventError::UnknownTask(_))) => self.unknown_answers += 1,
            _ => {}
        }
    }

    /// Takes in a command.
    pub(super) fn command(&mut self, command: &Command) {
        match command {
            Command::Dial { .. } => self.dials += 1,
            Command::Resolve { .. } => self.resolves += 1,
            Command::Lookup { .. } => self.lookups += 1,
            Command::Cancel(Task::Dial(_)) => self.dials_given_up += 1,
            Command::Sleep { .. } => self.sleeps += 1,
            Command::Cancel(Task::Resolve(_) | Task::Lookup(_)) | Command::Disconnect { .. } => {}
        }
    }

    /// After a complete drain, when every cancel that was owed has been told.
    pub(super) fn check(&self, stats: &Stats, dials_in_flight: usize) -> Result<(), Broken> {
        let outcomes = &stats.outcomes;
        let answered = |outcome| self.outcomes.get(&outcome).copied().unwrap_or(0);
        let pairs = [
            ("events", self.events, stats.events),
            ("event_errors", self.event_errors, stats.event_errors),
            ("clock_regressions", self.clock_regressions, stats.clock_regressions),
            ("clock_jumps", self.clock_jumps, stats.clock_jumps),
            ("sleeps", self.sleeps, stats.sleeps),
            ("dials", self.dials, stats.dials),
            ("connected", answered(DialOutcome::Connected), outcomes.connected),
            ("unreachable", answered(DialOutcome::Unreachable), outcomes.unreachable),
            ("refused", answered(DialOutcome::Refused), outcomes.refused),
            ("timed_out", answered(DialOutcome::TimedOut), outcomes.timed_out),
            ("handshake_failed", answered(DialOutcome::HandshakeFailed), outcomes.handshake_failed),
            ("wrong_identity", answered(DialOutcome::WrongIdentity), outcomes.wrong_identity),
            ("too_many_peers", answered(DialOutcome::TooManyPeers), outcomes.too_many_peers),
            ("useless", answered(DialOutcome::Useless), outcomes.useless),
            ("local_error", answered(DialOutcome::LocalError), outcomes.local_error),
            ("cancelled", answered(DialOutcome::Cancelled), outcomes.cancelled),
            ("dials given up", self.dials_given_up, stats.dials_overdue + stats.dials_cancelled),
            ("resolves", self.resolves, stats.resolves),
            ("lookups", self.lookups, stats.lookups),
            ("lookup_nodes", self.lookup_nodes, stats.lookup_nodes),
            ("late_answers", self.late_answers, stats.late_answers),
            ("unknown_answers", self.unknown_answers, stats.unknown_answers),
            ("inbound_expired", self.inbound_expired, stats.inbound_expired),
        ];
        for (name, counted, told) in pairs {
            ensure!(counted == told, "{name}: the statistics say {told}, counted: {counted}");
        }
        // Every dial that went out was answered, was given up, or is in flight.
        let ended = self.outcomes.values().sum::<u64>() + self.dials_given_up;
        let dials = ended + dials_in_flight as u64;
        ensure!(dials == stats.dials, "{} dials went out, {dials} are accounted for", stats.dials);
        Ok(())
    }
}
