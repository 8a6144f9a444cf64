//! Which tasks are in flight: turns the ids of traces into tokens, and back.
//!
//! The replayer and the recorder see the same commands and the same answers, so that both hold the same tasks
//! at every line. That is what lets a recording name a node where it means the task in flight for it.

use core::net::SocketAddr;
use std::collections::BTreeMap;

use dialstate::{Command, DialId, DialKind, LookupId, ResolveId, Task};

use super::NEVER;
use crate::trace::{Closing, Id, Kind, Names, Output, Policy, TaskKind, TraceId};

/// Tasks of one kind. An id has at most one; if a dialer asks for a second one, the first is known by its
/// token alone.
#[derive(Clone, Debug)]
pub(super) struct Flight<T> {
    by_id: BTreeMap<Id, T>,
    by_token: BTreeMap<T, Id>,
}

impl<T> Default for Flight<T> {
    fn default() -> Self {
        Self { by_id: BTreeMap::new(), by_token: BTreeMap::new() }
    }
}

impl<T: Copy + Ord> Flight<T> {
    fn begin(&mut self, id: Id, token: T) {
        self.by_id.insert(id, token);
        self.by_token.insert(token, id);
    }

    /// The task has been answered or cancelled.
    pub(super) fn end(&mut self, token: T) -> Option<Id> {
        let id = self.by_token.remove(&token)?;
        if self.of(&id) == Some(token) {
            self.by_id.remove(&id);
        }
        Some(id)
    }

    /// The task in flight for a node.
    pub(super) fn of(&self, id: &Id) -> Option<T> {
        self.by_id.get(id).copied()
    }

    /// Ends a task. The node whose task in flight it was, or else its token is needed to name it.
    pub(super) fn answer(&mut self, token: T) -> Option<Id> {
        let current = self.by_token.get(&token).filter(|id| self.of(id) == Some(token)).copied();
        self.end(token);
        current
    }
}

/// How a trace shows commands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) policy: Policy,
    /// Made by a `Recorder`, and not by an original that a profile follows. It has every event, also those that go on
    /// with a backlog, and every command.
    pub(super) recorded: bool,
}

impl Style {
    fn kind(self, kind: DialKind) -> DialKind {
        let as_dynamic = self.policy == Policy::Classic && kind == DialKind::Bootnode;
        if as_dynamic { DialKind::Dynamic } else { kind }
    }

    /// go-ethereum's scheduler reads a stream of candidates; that a lookup stands for it, its traces don't know.
    fn shows_lookups(self) -> bool {
        self.recorded || self.policy != Policy::Scheduler
    }
}

/// All tasks.
#[derive(Clone, Debug, Default)]
pub(super) struct Tasks {
    pub(super) dials: Flight<DialId>,
    pub(super) resolves: Flight<ResolveId>,
    pub(super) lookup: Option<LookupId>,
}

impl Tasks {
    /// Takes note of a command. Returns what a line of output shows of it: nothing for a `Sleep`, and for a lookup
    /// that the trace doesn't show.
    pub(super) fn command(
        &mut self,
        command: &Command<Id, SocketAddr>,
        names: &Names,
        style: Style,
    ) -> Result<Option<Output>, String> {
        Ok(Some(match command {
            Command::Dial { dial, node, kind, .. } => {
                self.dials.begin(node.id, *dial);
                let shown = Kind::try_from(style.kind(*kind))?;
                Output::dial(names.spell(&node.id), shown, &node.addrs)
            }
            Command::Resolve { resolve, id, .. } => {
                self.resolves.begin(*id, *resolve);
                Output::Resolve { id: names.spell(id) }
            }
            Command::Lookup { lookup, .. } => {
                self.lookup = Some(*lookup);
                if !style.shows_lookups() {
                    return Ok(None);
                }
                Output::Lookup {}
            }
            Command::Cancel(task) => {
                let (task, id) = self.cancel(*task);
                Output::Cancel { id: id.map(|id| names.spell(&id)), task }
            }
            Command::Disconnect { id, reason } => {
                Output::Disconnect { id: names.spell(id), reason: Closing::try_from(*reason)? }
            }
            Command::Sleep { .. } => return Ok(None),
        }))
    }

    /// The dial that an answer means, which ends it: that with this token, or else the one in flight.
    pub(super) fn answered_dial(&mut self, id: Option<TraceId>, token: Option<u64>) -> DialId {
        let in_flight = || id.and_then(|id| self.dials.of(&id.bytes()));
        let dial = token.map(DialId::from_raw).or_else(in_flight).unwrap_or(DialId::from_raw(NEVER));
        self.dials.answer(dial);
        dial
    }

    fn cancel(&mut self, task: Task) -> (TaskKind, Option<Id>) {
        match task {
            Task::Dial(dial) => (TaskKind::Dial, self.dials.end(dial)),
            Task::Resolve(resolve) => (TaskKind::Resolve, self.resolves.end(resolve)),
            Task::Lookup(lookup) => {
                self.end_lookup(lookup);
                (TaskKind::Lookup, None)
            }
        }
    }

    /// Ends a lookup; true if it was the one in flight.
    pub(super) fn end_lookup(&mut self, lookup: LookupId) -> bool {
        let current = self.lookup == Some(lookup);
        self.lookup = self.lookup.filter(|_| !current);
        current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_recordings_of_the_scheduler_show_lookups() {
        for (policy, recorded, shown) in [
            (Policy::Scheduler, false, false),
            (Policy::Scheduler, true, true),
            (Policy::Classic, false, true),
            (Policy::Balanced, true, true),
        ] {
            let mut tasks = Tasks::default();
            let lookup = LookupId::from_raw(1);
            let command = Command::Lookup { lookup, target: [0; 32], deadline: None };
            let output = tasks.command(&command, &Names::default(), Style { policy, recorded }).unwrap();
            assert_eq!(output.is_some(), shown, "{policy:?}");
            assert_eq!(tasks.lookup, Some(lookup), "it is in flight all the same");
        }
    }
}
