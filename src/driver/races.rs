//! All dials under way: a part of [`Runner`](super::Runner).

use alloc::collections::BTreeMap;
use core::time::Duration;

use super::race::{Race, RaceStep};
use crate::command::{DialId, DialKind, Task};
use crate::event::{DialOutcome, Event, PeerKind};
use crate::node::Node;
use crate::time::Timestamp;

/// The dials under way: a [`Race`] for each. What is told of a dial that has ended is ignored.
#[derive(Clone, Debug)]
pub(super) struct Races<I, A> {
    running: BTreeMap<DialId, Dial<I, A>>,
}

#[derive(Clone, Debug)]
struct Dial<I, A> {
    id: I,
    kind: DialKind,
    deadline: Option<Timestamp>,
    race: Race<A>,
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum RacesStep<I, A> {
    /// Connect to this address of the node `id`.
    Start { dial: DialId, id: I, addr: A, kind: DialKind, deadline: Option<Timestamp> },
    /// A dial has ended without a connection: its answer.
    Failed(Event<I, A>),
    /// Wait until this instant at most.
    Wait(Option<Timestamp>),
}

/// A connection that has decided its dial.
#[derive(Debug)]
pub(super) struct Won<I, A> {
    pub(super) id: I,
    pub(super) kind: PeerKind,
    pub(super) addr: A,
    /// The `DialConnected` for the dialer.
    pub(super) answer: Event<I, A>,
}

impl<I, A> Default for Races<I, A> {
    fn default() -> Self {
        Self { running: BTreeMap::new() }
    }
}

impl<I: Copy, A: Clone + PartialEq> Races<I, A> {
    /// Begins a dial that was polled at `now`: the other arguments are the fields of its `Command::Dial`.
    pub(super) fn begin(
        &mut self,
        now: Timestamp,
        dial: DialId,
        node: Node<I, A>,
        kind: DialKind,
        stagger: Duration,
        deadline: Option<Timestamp>,
    ) {
        let race = Race::new(now, dial, node.addrs, stagger, deadline);
        self.running.insert(dial, Dial { id: node.id, kind, deadline, race });
    }

    /// What to do at `now`; waits until `sleep` at most. Walks over the dials under way.
    pub(super) fn next(&mut self, now: Timestamp, sleep: Option<Timestamp>) -> RacesStep<I, A> {
        let mut until = sleep;
        let mut ended = None;
        for (&dial, running) in &mut self.running {
            let Dial { id, kind, deadline, ref mut race } = *running;
            match race.next(now) {
                RaceStep::Start(addr) => return RacesStep::Start { dial, id, addr, kind, deadline },
                RaceStep::Wait(at) => until = until.into_iter().chain(at).min(),
                RaceStep::Finished => {
                    ended = Some(dial);
                    break;
                }
            }
        }
        match ended.and_then(|dial| self.running.remove(&dial)) {
            Some(ended) => RacesStep::Failed(ended.race.answer()),
            None => RacesStep::Wait(until),
        }
    }

    /// An address has connected, and the node is the right one. `None`: its dial has ended already.
    pub(super) fn connected(&mut self, dial: DialId, addr: &A) -> Option<Won<I, A>> {
        if !self.running.get_mut(&dial)?.race.connected(addr) {
            return None;
        }
        let Dial { id, kind, race, .. } = self.running.remove(&dial)?;
        Some(Won { id, kind: PeerKind::Outbound(kind), addr: addr.clone(), answer: race.answer() })
    }

    /// An address has failed. Ignored if its dial has ended already.
    pub(super) fn failed(&mut self, dial: DialId, addr: &A, outcome: DialOutcome) {
        if let Some(running) = self.running.get_mut(&dial) {
            running.race.failed(addr, outcome);
        }
    }

    /// The dialer has cancelled a task. Ignored if it is not a dial.
    pub(super) fn cancel(&mut self, task: Task) {
        if let Task::Dial(dial) = task {
            self.running.remove(&dial);
        }
    }
}
