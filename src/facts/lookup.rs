//! The one lookup: whether it is due or under way, and when the last one began and ended.

use core::time::Duration;

use crate::command::LookupId;
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum State {
    /// None is wanted.
    Idle,
    /// To go out with the next drain.
    Due,
    /// In flight, until its deadline.
    Running(LookupId, Option<Timestamp>),
}

/// The lookup.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Lookup {
    state: State,
    began: Option<Timestamp>,
    ended: Option<Timestamp>,
}

impl Lookup {
    pub(super) const NEW: Self = Self { state: State::Idle, began: None, ended: None };

    pub(crate) fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    pub(crate) fn is_due(&self) -> bool {
        self.state == State::Due
    }

    /// When the next lookup may begin, if it has to begin so long after the last one: now, if there was none.
    pub(crate) fn next_at(&self, interval: Duration, now: Timestamp) -> Timestamp {
        self.began.map_or(now, |began| began.saturating_add(interval))
    }

    /// When the last lookup ended, answered or not.
    pub(crate) const fn ended(&self) -> Option<Timestamp> {
        self.ended
    }

    /// The lookup in flight.
    pub(crate) const fn running(&self) -> Option<LookupId> {
        match self.state {
            State::Running(lookup, _) => Some(lookup),
            State::Idle | State::Due => None,
        }
    }

    /// When the lookup in flight is given up.
    pub(crate) const fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            State::Running(_, deadline) => deadline,
            State::Idle | State::Due => None,
        }
    }

    /// Begins a lookup, whose command goes out with the next drain.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        self.began = Some(now);
        self.state = State::Due;
    }

    /// The command has gone out.
    pub(super) fn issue(&mut self, lookup: LookupId, deadline: Option<Timestamp>) {
        self.state = State::Running(lookup, deadline);
    }

    /// The lookup has been answered, or is given up.
    pub(super) fn end(&mut self, now: Timestamp) {
        self.ended = Some(now);
        self.state = State::Idle;
    }
}
