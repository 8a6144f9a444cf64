//! The one timer queue: every deadline in the crate is an entry here, and nowhere else.
//!
//! Entries stand in lanes by what they are about, so that a lane can be left alone while nobody wants what becomes
//! due in it: a million cooldowns that end at the same instant cost nothing until a slot is free. `Sleep` shows
//! the head of all lanes that matter; expiry is one loop over the lanes that must act.

use super::heap::{Entries, Entry, Places};
use crate::command::WakeReason;
use crate::time::Timestamp;

/// What an entry is about. The key of an entry is the slot of that thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// A dial or resolve becomes overdue.
    Attempt,
    /// A pending inbound handshake expires.
    Inbound,
    /// A ban ends.
    Ban,
    /// Something that there is only one of; the key is an [`Alarm`].
    Alarm,
    /// A static node may be dialed (again).
    Static,
    /// A known node may be dialed again.
    Known,
    /// A cooldown that nobody waits for: of a node that is connected, in an attempt or not a candidate.
    Idle,
    /// A node is ready that was connected once: not a deadline, but an instant as well, that of its last attempt.
    Good,
    /// A node is ready that was tried, and never connected.
    Failed,
}

const LANES: usize = 9;

/// What there is only one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    LookupStart,
    LookupDeadline,
    Fallback,
    /// Classic without discovery: the next random choice.
    Resample,
    StaticPace,
    DynamicPace,
    LocalPause,
    Offline,
    Relax,
    Feeler,
    Churn,
}

impl Alarm {
    pub(crate) const ALL: [(Self, WakeReason); 11] = [
        (Self::LookupStart, WakeReason::Lookup),
        (Self::LookupDeadline, WakeReason::OverdueLookup),
        (Self::Fallback, WakeReason::Fallback),
        (Self::Resample, WakeReason::Redial),
        (Self::StaticPace, WakeReason::Pacing),
        (Self::DynamicPace, WakeReason::Pacing),
        (Self::LocalPause, WakeReason::LocalPause),
        (Self::Offline, WakeReason::Offline),
        (Self::Relax, WakeReason::Relax),
        (Self::Feeler, WakeReason::Feeler),
        (Self::Churn, WakeReason::Churn),
    ];
}

/// What an entry says: when it is due, and its place among those with the same instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) at: Timestamp,
    pub(crate) tie: u32,
}

/// Which cooldown lanes a `Sleep` has to look at: those from which the plan would take a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wants {
    pub(crate) statics: bool,
    pub(crate) known: bool,
}

/// Lanes whose keys are nodes share their places: a node is in one of them at most.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Timers {
    lanes: [Entries; LANES],
    #[cfg_attr(feature = "serde", serde(skip))]
    places: [Places; 5],
}

impl Timers {
    pub(crate) const fn new() -> Self {
        Self { lanes: [const { Entries::new() }; LANES], places: [const { Places::new() }; 5] }
    }

    const fn lane(&self, lane: Lane) -> &Entries {
        let [attempt, inbound, ban, alarm, statics, known, idle, good, failed] = &self.lanes;
        match lane {
            Lane::Attempt => attempt,
            Lane::Inbound => inbound,
            Lane::Ban => ban,
            Lane::Alarm => alarm,
            Lane::Static => statics,
            Lane::Known => known,
            Lane::Idle => idle,
            Lane::Good => good,
            Lane::Failed => failed,
        }
    }

    const fn places(&self, lane: Lane) -> &Places {
        let [attempt, inbound, ban, alarm, nodes] = &self.places;
        match lane {
            Lane::Attempt => attempt,
            Lane::Inbound => inbound,
            Lane::Ban => ban,
            Lane::Alarm => alarm,
            Lane::Static | Lane::Known | Lane::Idle | Lane::Good | Lane::Failed => nodes,
        }
    }

    const fn parts(&mut self, lane: Lane) -> (&mut Entries, &mut Places) {
        let [attempt, inbound, ban, alarm, statics, known, idle, good, failed] = &mut self.lanes;
        let [of_attempt, of_inbound, of_ban, of_alarm, nodes] = &mut self.places;
        match lane {
            Lane::Attempt => (attempt, of_attempt),
            Lane::Inbound => (inbound, of_inbound),
            Lane::Ban => (ban, of_ban),
            Lane::Alarm => (alarm, of_alarm),
            Lane::Static => (statics, nodes),
            Lane::Known => (known, nodes),
            Lane::Idle => (idle, nodes),
            Lane::Good => (good, nodes),
            Lane::Failed => (failed, nodes),
        }
    }

    /// Forgets where all keys stand, before the lanes are put in order anew.
    #[cfg(feature = "serde")]
    pub(super) fn forget_places(&mut self) {
        self.places.iter_mut().for_each(Places::clear);
    }

    /// Puts a lane in order that was just read. Returns whether its keys are below `slots`, and in no other lane.
    #[cfg(feature = "serde")]
    pub(super) fn index(&mut self, lane: Lane, slots: u32) -> bool {
        let (entries, places) = self.parts(lane);
        entries.index(places, slots)
    }

    /// The keys of a lane, in no order that means anything.
    pub(super) fn keys(&self, lane: Lane) -> impl Iterator<Item = u32> {
        self.lane(lane).as_slice().iter().map(|entry| entry.key)
    }

    /// Sets or moves an entry; among equal instants the smaller `tie` comes first.
    pub(crate) fn set(&mut self, lane: Lane, key: u32, at: Timestamp, tie: u32) {
        let (entries, places) = self.parts(lane);
        entries.set(places, key, at.as_nanos(), tie);
    }

    pub(crate) fn clear(&mut self, lane: Lane, key: u32) -> Option<Due> {
        let (entries, places) = self.parts(lane);
        entries.remove(places, key).map(|entry| Due { at: at(entry), tie: entry.tie })
    }

    pub(crate) fn get(&self, lane: Lane, key: u32) -> Option<Timestamp> {
        self.lane(lane).get(self.places(lane), key).map(at)
    }

    pub(crate) fn set_alarm(&mut self, alarm: Alarm, at: Timestamp) {
        self.set(Lane::Alarm, alarm as u32, at, 0);
    }

    /// Clears the alarms that a plan sets anew whenever it comes to its end: what a rule in force makes it wait for.
    pub(crate) fn clear_waits(&mut self) {
        if self.len(Lane::Alarm) == 0 {
            return;
        }
        for (alarm, _) in Alarm::ALL.into_iter().filter(|(alarm, _)| *alarm != Alarm::LookupDeadline) {
            self.clear_alarm(alarm);
        }
    }

    pub(crate) fn clear_alarm(&mut self, alarm: Alarm) {
        self.clear(Lane::Alarm, alarm as u32);
    }

    pub(crate) fn alarm(&self, alarm: Alarm) -> Option<Timestamp> {
        self.get(Lane::Alarm, alarm as u32)
    }

    /// How many in a lane come before a key, counted up to `most`.
    pub(crate) fn ahead(&self, lane: Lane, key: u32, most: u32) -> Option<u32> {
        self.lane(lane).ahead(self.places(lane), key, most)
    }

    /// The first of a lane, if it is due.
    pub(crate) fn due(&self, lane: Lane, now: Timestamp) -> Option<u32> {
        self.lane(lane).peek().filter(|entry| entry.at <= now.as_nanos()).map(|entry| entry.key)
    }

    /// Takes the first of a lane out, if it is due.
    pub(crate) fn pop_due(&mut self, lane: Lane, now: Timestamp) -> Option<u32> {
        let key = self.due(lane, now)?;
        self.clear(lane, key);
        Some(key)
    }

    /// The first of a lane, due or not.
    pub(crate) fn head(&self, lane: Lane) -> Option<u32> {
        self.lane(lane).peek().map(|entry| entry.key)
    }

    /// When the first of a lane is due.
    pub(crate) fn first(&self, lane: Lane) -> Option<Timestamp> {
        self.lane(lane).peek().map(at)
    }

    pub(crate) fn len(&self, lane: Lane) -> u32 {
        self.lane(lane).len()
    }

    /// The next instant at which something may have to be done, and what for.
    pub(crate) fn next(&self, wants: Wants) -> Option<(Timestamp, WakeReason)> {
        let tasks = [Lane::Attempt, Lane::Inbound, Lane::Ban, Lane::Alarm];
        let nodes =
            wants.statics.then_some(Lane::Static).into_iter().chain(wants.known.then_some(Lane::Known));
        let heads = tasks.into_iter().chain(nodes).filter_map(|lane| Some((self.lane(lane).peek()?, lane)));
        let (first, lane) = heads.min_by_key(|(entry, _)| entry.at)?;
        Some((at(first), reason(lane, first.key)))
    }
}

fn at(entry: Entry) -> Timestamp {
    Timestamp::from_nanos(entry.at)
}

/// What somebody waits for who waits for the head of a lane.
fn reason(lane: Lane, key: u32) -> WakeReason {
    match lane {
        Lane::Attempt => WakeReason::OverdueAttempt,
        Lane::Inbound => WakeReason::InboundExpiry,
        Lane::Ban => WakeReason::BanExpiry,
        Lane::Alarm => {
            let alarm = Alarm::ALL.into_iter().find(|(alarm, _)| *alarm as u32 == key);
            alarm.map_or(WakeReason::Event, |(_, reason)| reason)
        }
        Lane::Static => WakeReason::StaticRedial,
        Lane::Known | Lane::Idle | Lane::Good | Lane::Failed => WakeReason::Redial,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_sees_only_what_is_wanted() {
        let mut timers = Timers::new();
        let at = Timestamp::from_secs;
        assert_eq!(timers.next(Wants { statics: true, known: true }), None);
        timers.set(Lane::Known, 7, at(1), 0);
        timers.set(Lane::Static, 7, at(2), 0);
        timers.set(Lane::Idle, 8, at(0), 0);
        timers.set_alarm(Alarm::Churn, at(3));
        assert_eq!(timers.next(Wants::default()), Some((at(3), WakeReason::Churn)));
        assert_eq!(
            timers.next(Wants { statics: true, known: false }),
            Some((at(2), WakeReason::StaticRedial))
        );
        assert_eq!(timers.next(Wants { statics: true, known: true }), Some((at(1), WakeReason::Redial)));
        assert_eq!((timers.pop_due(Lane::Known, at(0)), timers.pop_due(Lane::Known, at(1))), (None, Some(7)));
        timers.clear_alarm(Alarm::Churn);
        assert_eq!((timers.alarm(Alarm::Churn), timers.len(Lane::Known)), (None, 0));
    }

    #[test]
    fn every_alarm_has_a_reason() {
        for (alarm, of) in Alarm::ALL {
            assert_eq!(reason(Lane::Alarm, alarm as u32), of);
        }
    }
}
