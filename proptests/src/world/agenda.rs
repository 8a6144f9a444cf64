//! What will happen, in order of (instant, when it was scheduled).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use dialstate::{DialId, DialKind, DialOutcome, PeerKind, RemovalReason, Task, Timestamp};

use super::{Event, Id};

/// What a scheduled event belongs to, so that it can be struck off together with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A task that the dialer asked for.
    Task(Task),
    /// The session with a peer.
    Session(Id),
    /// Something of the world's own.
    World(u64),
}

/// The events to come. Two at one instant come in the order in which they were scheduled.
#[derive(Debug, Default)]
pub struct Agenda {
    now: Timestamp,
    sequence: u64,
    due: BTreeMap<Place, (Key, Event)>,
    by_key: BTreeMap<Key, Vec<Place>>,
}

type Place = (Timestamp, u64);

impl Agenda {
    /// The current instant.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Schedules an event; one in the past happens now.
    pub fn at(&mut self, at: Timestamp, key: Key, event: Event) {
        let place = (at.max(self.now), self.sequence);
        self.sequence += 1;
        self.due.insert(place, (key, event));
        self.by_key.entry(key).or_default().push(place);
    }

    /// Schedules an event `delay` from now.
    pub fn after(&mut self, delay: Duration, key: Key, event: Event) {
        self.at(self.now.saturating_add(delay), key, event);
    }

    /// Strikes off everything under this key, and says how much that was.
    pub fn cancel(&mut self, key: Key) -> usize {
        let places = self.by_key.remove(&key).unwrap_or_default();
        for place in &places {
            self.due.remove(place);
        }
        places.len()
    }

    /// The dial succeeds: the peer is added, then the dial is finished, as `Event::PeerAdded` asks.
    pub fn connect(&mut self, delay: Duration, dial: DialId, id: Id, kind: DialKind, addr: SocketAddr) {
        let key = Key::Task(Task::Dial(dial));
        self.after(delay, key, Event::PeerAdded { id, kind: PeerKind::Outbound(kind), addr: Some(addr) });
        self.finish(delay, dial, DialOutcome::Connected);
    }

    /// The dial ends with `outcome`.
    pub fn finish(&mut self, delay: Duration, dial: DialId, outcome: DialOutcome) {
        let event = Event::DialFinished { dial, outcome, tried: Vec::new() };
        self.after(delay, Key::Task(Task::Dial(dial)), event);
    }

    /// The session with `id` ends.
    pub fn hang_up(&mut self, delay: Duration, id: Id, reason: RemovalReason) {
        self.after(delay, Key::Session(id), Event::PeerRemoved { id, reason });
    }

    /// When the next event is due.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.due.first_key_value().map(|(&(at, _), _)| at)
    }

    /// How much is scheduled.
    #[must_use]
    pub fn len(&self) -> usize {
        self.due.len()
    }

    /// Whether nothing is scheduled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// Moves the clock. Only the simulator does, and never backwards.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Takes the first event.
    pub(super) fn pop(&mut self) -> Option<Event> {
        let (place, (key, event)) = self.due.pop_first()?;
        if let Some(places) = self.by_key.get_mut(&key) {
            places.retain(|other| *other != place);
            if places.is_empty() {
                self.by_key.remove(&key);
            }
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn removed(n: u8) -> Event {
        Event::PeerRemoved { id: [n; 32], reason: RemovalReason::Closed }
    }

    #[test]
    fn events_come_in_order_and_ties_as_scheduled() {
        let mut agenda = Agenda::default();
        agenda.after(2 * SECOND, Key::World(0), removed(3));
        agenda.after(SECOND, Key::World(0), removed(1));
        agenda.after(SECOND, Key::World(1), removed(2));
        assert_eq!(agenda.next(), Some(Timestamp::from_secs(1)));
        let order: Vec<_> = std::iter::from_fn(|| agenda.pop()).collect();
        assert_eq!(order, [removed(1), removed(2), removed(3)]);
    }

    #[test]
    fn a_key_strikes_off_its_own_events_only() {
        let mut agenda = Agenda::default();
        for n in 0..4 {
            agenda.after(SECOND, Key::World(u64::from(n % 2)), removed(n));
        }
        assert_eq!(agenda.pop(), Some(removed(0)));
        assert_eq!(agenda.cancel(Key::World(0)), 1);
        assert_eq!(agenda.cancel(Key::World(0)), 0);
        let rest: Vec<_> = std::iter::from_fn(|| agenda.pop()).collect();
        assert_eq!(rest, [removed(1), removed(3)]);
        assert!(agenda.by_key.is_empty());
    }

    #[test]
    fn the_past_happens_now() {
        let mut agenda = Agenda::default();
        agenda.advance(Timestamp::from_secs(5));
        agenda.at(Timestamp::from_secs(1), Key::World(0), removed(1));
        assert_eq!(agenda.next(), Some(Timestamp::from_secs(5)));
    }
}
