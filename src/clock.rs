//! Two timelines: the caller's, and that of the facts, which goes on when a snapshot is restored on a host with another clock.
//! Events are translated when they come in, and commands and answers when they go out; the rest of the crate knows only the
//! second one.

use crate::command::Command;
use crate::error::EventError;
use crate::event::Event;
use crate::explain::{Explanation, NeedExplanation};
use crate::notice::Notice;
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// How far the caller's timeline is ahead of the ledger's; nothing, unless a snapshot was restored.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    ahead: i128,
}

impl Clock {
    /// The same instant on both timelines.
    #[cfg(any(test, feature = "serde"))]
    pub(crate) fn matching(outer: Timestamp, inner: Timestamp) -> Self {
        Self { ahead: i128::from(outer.as_nanos()).saturating_sub(i128::from(inner.as_nanos())) }
    }

    /// From the caller's timeline to the ledger's.
    pub(crate) fn inner(self, at: Timestamp) -> Timestamp {
        self.shifted(at, self.ahead.saturating_neg())
    }

    /// From the ledger's timeline to the caller's.
    pub(crate) fn outer(self, at: Timestamp) -> Timestamp {
        self.shifted(at, self.ahead)
    }

    /// Most dialers were never restored, and have but one timeline.
    const fn shifted(self, at: Timestamp, by: i128) -> Timestamp {
        if self.ahead == 0 { at } else { shift(at, by) }
    }

    fn outer_opt(self, at: Option<Timestamp>) -> Option<Timestamp> {
        at.map(|at| self.outer(at))
    }

    pub(crate) fn event<I, A>(self, event: &mut Event<I, A>) {
        if let Event::Banned { until: Some(until), .. } = event {
            *until = self.inner(*until);
        }
    }

    pub(crate) fn command<I, A>(self, command: &mut Command<I, A>) {
        if self.ahead == 0 {
            return;
        }
        match command {
            Command::Dial { deadline: at, .. }
            | Command::Resolve { deadline: at, .. }
            | Command::Lookup { deadline: at, .. }
            | Command::Sleep { until: at, .. } => *at = self.outer_opt(*at),
            Command::Cancel(_) | Command::Disconnect { .. } => {}
        }
    }

    pub(crate) fn refusal(self, mut refusal: Refusal) -> Refusal {
        if let Refusal::InAttempt { until: Some(until) }
        | Refusal::InboundPending { until }
        | Refusal::BannedId { until: Some(until) }
        | Refusal::BannedNetwork { until: Some(until), .. }
        | Refusal::ResolveDelay { until }
        | Refusal::Cooling { until }
        | Refusal::FamilyDown { until } = &mut refusal
        {
            *until = self.outer(*until);
        }
        refusal
    }

    pub(crate) fn error(self, mut error: EventError) -> EventError {
        if let EventError::NotDialable(refusal) = &mut error {
            *refusal = self.refusal(*refusal);
        }
        error
    }

    pub(crate) fn notice<I>(self, mut notice: Notice<I>) -> Notice<I> {
        match &mut notice {
            Notice::StaticParked { reason, .. }
            | Notice::StaticDeleted { reason, .. }
            | Notice::RequestDropped { reason, .. } => *reason = self.refusal(*reason),
            Notice::OfflineSuspected { since: at } | Notice::TimeJumped { expected: at } => {
                *at = self.outer(*at)
            }
            Notice::RequestEnded { .. }
            | Notice::DiversityRelaxed { .. }
            | Notice::KnownNodeForgotten { .. }
            | Notice::Online => {}
        }
        notice
    }

    pub(crate) fn explanation(self, mut explanation: Explanation) -> Explanation {
        for refusal in &mut explanation.refusals {
            *refusal = self.refusal(*refusal);
        }
        explanation.earliest = self.outer_opt(explanation.earliest);
        explanation.last = explanation.last.map(|(last, at)| (last, self.outer(at)));
        explanation
    }

    pub(crate) fn need(self, mut need: NeedExplanation) -> NeedExplanation {
        need.cooling.1 = self.outer_opt(need.cooling.1);
        need.first_overdue = self.outer_opt(need.first_overdue);
        for (_, at) in &mut need.waits {
            *at = self.outer(*at);
        }
        need
    }
}

const fn shift(at: Timestamp, by: i128) -> Timestamp {
    let nanos = (at.as_nanos() as i128).saturating_add(by);
    Timestamp::from_nanos(match nanos {
        ..0 => 0,
        0..=MOST => nanos as u64,
        _ => u64::MAX,
    })
}

const MOST: i128 = u64::MAX as i128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timelines_meet_and_clamp() {
        let at = Timestamp::from_secs;
        for (outer, inner) in [(at(5), at(5)), (at(100), at(7)), (at(7), at(100))] {
            let clock = Clock::matching(outer, inner);
            assert_eq!((clock.outer(inner), clock.inner(outer)), (outer, inner));
        }
        let clock = Clock::matching(at(7), at(100));
        assert_eq!(clock.outer(at(3)), Timestamp::ZERO);
        let clock = Clock::matching(at(100), at(7));
        assert_eq!(clock.outer(Timestamp::from_nanos(u64::MAX)), Timestamp::from_nanos(u64::MAX));
    }
}
