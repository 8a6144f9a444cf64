//! What can be wrong with a dialer's life: conditions that a recording shows, or does not.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;
use std::collections::VecDeque;

use dialstate::{Refusal, Timestamp};

use crate::replay::Replayer;
use crate::trace::{Input, InputLine, Output, OutputLine, TraceId};

const HOUR: Duration = Duration::from_secs(3_600);

/// Something that a recording may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// For longer than this, there are fewer dynamic peers than the target, and a known node that is none of
    /// them. (Without such a node an empty recording would show it.)
    BelowTarget(Duration),
    /// For longer than this, a node is static, known or in attempt, not connected, and not dialed again.
    NotDialed(TraceId, Duration),
    /// Within one hour the dialer was woken by the clock more often than this.
    WakeupsPerHour(u32),
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected below-target:SECONDS, not-dialed:ID:SECONDS or wakeups-per-hour:N";
        let number = |text: &str| {
            text.parse::<u32>().map_err(|_| format!("'{text}' is not a whole number below 2^32; {EXPECTED}"))
        };
        let span = |text: &str| Ok::<_, String>(Duration::from_secs(number(text)?.into()));
        match text.split(':').collect::<Vec<_>>().as_slice() {
            ["below-target", seconds] => Ok(Self::BelowTarget(span(seconds)?)),
            ["not-dialed", id, seconds] => {
                Ok(Self::NotDialed(TraceId::try_from((*id).to_owned())?, span(seconds)?))
            }
            ["wakeups-per-hour", count] => Ok(Self::WakeupsPerHour(number(count)?)),
            _ => Err(EXPECTED.to_owned()),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BelowTarget(span) => write!(f, "below target for more than {} s", span.as_secs()),
            Self::NotDialed(id, span) => {
                write!(f, "{id} not dialed for more than {} s", span.as_secs())
            }
            Self::WakeupsPerHour(count) => write!(f, "more than {count} wake-ups within one hour"),
        }
    }
}

/// Watches a replay for a condition.
#[derive(Clone, Debug)]
pub struct Watch {
    condition: Condition,
    /// Since when it looks as the condition says.
    since: Option<Timestamp>,
    wakes: VecDeque<Timestamp>,
}

impl Watch {
    /// A watch for this condition, before the first line.
    #[must_use]
    pub const fn new(condition: Condition) -> Self {
        Self { condition, since: None, wakes: VecDeque::new() }
    }

    /// When the condition holds, if nothing happens before.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        match self.condition {
            Condition::BelowTarget(span) | Condition::NotDialed(_, span) => {
                Some(self.since?.saturating_add(span).saturating_add(Duration::from_nanos(1)))
            }
            Condition::WakeupsPerHour(_) => None,
        }
    }

    /// Looks at the line that was played. True: the condition holds now.
    pub fn see(&mut self, line: &InputLine, answer: &OutputLine, replayer: &Replayer) -> bool {
        let dialer = replayer.dialer();
        let now = dialer.now();
        // What was the case until now lasted until now.
        if self.due().is_some_and(|due| now >= due) {
            return true;
        }
        let (wrong, anew) = match self.condition {
            Condition::BelowTarget(_) => {
                let gauges = dialer.gauges();
                let below = gauges.dynamic_peers < dialer.config().dynamic_target;
                (below && gauges.known > gauges.dynamic_peers, false)
            }
            Condition::NotDialed(id, _) => {
                let dialed =
                    |command: &Output| matches!(command, Output::Dial { .. }) && same(command.id(), id);
                let refusals = dialer.explain(&id.bytes()).refusals;
                let has = |refusal: Refusal| refusals.contains(&refusal);
                // Classic does not keep what a lookup brought, but it may still be at it.
                let known = !has(Refusal::Unknown)
                    || refusals.iter().any(|of| matches!(of, Refusal::InAttempt { .. }));
                let wrong = known && !has(Refusal::OwnId) && !has(Refusal::Connected);
                (wrong, answer.commands.iter().any(dialed))
            }
            Condition::WakeupsPerHour(most) => return self.woken(line, most),
        };
        let since = self.since.filter(|_| !anew).unwrap_or(now);
        self.since = wrong.then_some(since);
        false
    }

    fn woken(&mut self, line: &InputLine, most: u32) -> bool {
        if line.input != (Input::Tick {}) {
            return false;
        }
        self.wakes.push_back(line.at);
        while self.wakes.front().is_some_and(|first| line.at.saturating_since(*first) >= HOUR) {
            self.wakes.pop_front();
        }
        self.wakes.len() > usize::try_from(most).unwrap_or(usize::MAX)
    }
}

fn same(one: Option<TraceId>, other: TraceId) -> bool {
    one.is_some_and(|one| one.bytes() == other.bytes())
}
