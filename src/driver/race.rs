//! One dial: its addresses, one after the other until one connects, and the answer.

use alloc::vec::Vec;
use core::time::Duration;

use crate::address::Addrs;
use crate::command::DialId;
use crate::event::{AddrOutcome, DialOutcome, Event};
use crate::time::Timestamp;

/// The part of the time before the deadline that is left for the answer to arrive, and the most that is (guesses: a program that
/// is busy takes so long to come round).
const MARGIN_PART: u32 = 16;
const MARGIN: Duration = Duration::from_millis(500);

/// Tries the addresses of a dial (RFC 8305, "Happy Eyeballs"): the best one at once, each further one `stagger` after the
/// one before it, or as soon as all that were started have failed. The first that connects wins.
///
/// Make one of the fields of a `Command::Dial`, and ask [`next`](Self::next) after each change. Every address is to be
/// connected to, including the handshake that proves the id of the node; report each with [`connected`](Self::connected) or
/// [`failed`](Self::failed). At [`RaceStep::Finished`] abort what is still running, and send [`answer`](Self::answer).
/// It ends by itself before the deadline, by a sixteenth of the time that the dial has but at most 500 ms, so that the answer
/// is not late and what was learned of the addresses is not lost. After a `Command::Cancel` just drop it.
///
/// ```
/// use dialstate::driver::{Race, RaceStep};
/// use dialstate::{Addrs, DialId, DialOutcome, Event, Timestamp};
/// use std::time::Duration;
///
/// let (dial, at) = (DialId::from_raw(1), Timestamp::from_millis);
/// let addrs: Addrs<&str> = ["first", "second", "third"].into_iter().collect();
/// let mut race = Race::new(at(0), dial, addrs, Duration::from_millis(250), None);
///
/// assert_eq!(race.next(at(0)), RaceStep::Start("first"));
/// assert_eq!(race.next(at(0)), RaceStep::Wait(Some(at(250))));
/// assert_eq!(race.next(at(250)), RaceStep::Start("second"));
/// race.failed(&"first", DialOutcome::Refused);
/// assert_eq!(race.next(at(300)), RaceStep::Wait(Some(at(500))));
/// race.connected(&"second");
/// assert_eq!(race.next(at(320)), RaceStep::Finished);
///
/// let answer: Event<[u8; 32], &str> = race.answer();
/// let Event::DialConnected { addr, tried, .. } = answer else { panic!("it has connected") };
/// assert_eq!((addr, tried.len()), (Some("second"), 2));
/// ```
#[derive(Clone, Debug)]
pub struct Race<A> {
    dial: DialId,
    addrs: Vec<(A, State)>,
    stagger: Duration,
    /// When the next address starts, unless all that were started have failed.
    next: Timestamp,
    /// When it gives up.
    end: Option<Timestamp>,
    finished: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Running,
    Ended(DialOutcome),
}

/// What the driver has to do next for a [`Race`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what it asks for counts as under way"]
#[expect(clippy::exhaustive_enums, reason = "a driver must handle every step")]
pub enum RaceStep<A> {
    /// Connect to this address now, beside those that were started before, and ask again.
    Start(A),
    /// Wait until an address connects or fails, at most until this instant, and ask again. `None`: however long it takes.
    Wait(Option<Timestamp>),
    /// It is over: abort what is still running, and send the answer.
    Finished,
}

impl<A: Clone + PartialEq> Race<A> {
    /// The race for a `Command::Dial` that was polled at `now`; the other arguments are its fields, and the addresses of its
    /// node.
    #[must_use]
    pub fn new(
        now: Timestamp,
        dial: DialId,
        addrs: Addrs<A>,
        stagger: Duration,
        deadline: Option<Timestamp>,
    ) -> Self {
        let end = deadline.map(|deadline| {
            let span = deadline.saturating_since(now);
            deadline.saturating_sub(span.checked_div(MARGIN_PART).unwrap_or(span).min(MARGIN))
        });
        let addrs: Vec<_> = addrs.iter().map(|addr| (addr.clone(), State::Idle)).collect();
        Self { dial, finished: addrs.is_empty(), addrs, stagger, next: now, end }
    }

    /// The token of the dial.
    #[must_use]
    pub const fn dial(&self) -> DialId {
        self.dial
    }

    /// What to do at `now`. Asking again without a change gives the same, except for `Start`, which is given once for an
    /// address.
    pub fn next(&mut self, now: Timestamp) -> RaceStep<A> {
        self.finished |= self.end.is_some_and(|end| end <= now);
        if self.finished {
            return RaceStep::Finished;
        }
        let running = self.running().next().is_some();
        let next = self.next;
        let Some((addr, state)) = self.addrs.iter_mut().find(|(_, state)| *state == State::Idle) else {
            return RaceStep::Wait(self.end);
        };
        if running && now < next {
            return RaceStep::Wait(self.end.into_iter().chain([next]).min());
        }
        *state = State::Running;
        self.next = now.saturating_add(self.stagger);
        RaceStep::Start(addr.clone())
    }

    /// An address has connected, and the node is the right one. Returns whether that has decided the race: otherwise another
    /// one has before, and this connection is to be closed.
    #[must_use = "a connection that has not decided the race is to be closed"]
    pub fn connected(&mut self, addr: &A) -> bool {
        self.ended(addr, DialOutcome::Connected)
    }

    /// An address has failed. `TooManyPeers` and `Useless` come from the node itself, so no other address is tried after
    /// them.
    pub fn failed(&mut self, addr: &A, outcome: DialOutcome) {
        self.ended(addr, outcome);
    }

    /// Takes in how an address ended. What is told of one that was not started, or has ended already, is ignored.
    fn ended(&mut self, addr: &A, outcome: DialOutcome) -> bool {
        let running = self.addrs.iter_mut().find(|(of, state)| of == addr && *state == State::Running);
        let Some((_, state)) = running.filter(|_| !self.finished) else { return false };
        *state = State::Ended(outcome);
        let left = self.addrs.iter().any(|(_, state)| !matches!(state, State::Ended(_)));
        self.finished = is_final(outcome) || !left;
        true
    }

    /// The addresses that were started and have neither connected nor failed: what to abort when it has finished.
    pub fn running(&self) -> impl Iterator<Item = &A> {
        self.addrs.iter().filter(|(_, state)| *state == State::Running).map(|(addr, _)| addr)
    }

    /// The answer to the dial, as things are now: `DialConnected`, or `DialFinished` with what became of each address that
    /// has ended. If it has not, those still running have timed out if the race has given up before the deadline,
    /// and otherwise the dial was abandoned, at shutdown for example.
    #[must_use]
    pub fn answer<I>(self) -> Event<I, A> {
        let dial = self.dial;
        let tried = self.addrs.iter().filter_map(|(addr, state)| match state {
            State::Idle => None,
            State::Ended(outcome) => Some((addr, *outcome)),
            State::Running => self.outlasted().then_some((addr, DialOutcome::TimedOut)),
        });
        let tried: Vec<_> =
            tried.map(|(addr, outcome)| AddrOutcome { addr: addr.clone(), outcome }).collect();
        if let Some(winner) = tried.iter().find(|one| one.outcome == DialOutcome::Connected) {
            return Event::DialConnected { dial, addr: Some(winner.addr.clone()), tried };
        }
        let unfinished = if self.finished { DialOutcome::TimedOut } else { DialOutcome::Cancelled };
        let told = tried.iter().map(|one| one.outcome).max_by_key(|outcome| weight(*outcome));
        let outcome = if self.finished { told.unwrap_or(unfinished) } else { unfinished };
        Event::DialFinished { dial, outcome, tried }
    }

    /// Whether it has given up before anything was decided: what runs then has taken too long.
    fn outlasted(&self) -> bool {
        self.finished
            && !self.addrs.iter().any(|(_, state)| matches!(state, State::Ended(of) if is_final(*of)))
    }
}

/// Whether an outcome for one address decides the dial.
const fn is_final(outcome: DialOutcome) -> bool {
    matches!(outcome, DialOutcome::Connected | DialOutcome::TooManyPeers | DialOutcome::Useless)
}

/// Of several outcomes the one that says most about the node stands for the dial.
const fn weight(outcome: DialOutcome) -> u8 {
    match outcome {
        DialOutcome::Connected => 9,
        DialOutcome::Useless => 8,
        DialOutcome::TooManyPeers => 7,
        DialOutcome::HandshakeFailed => 6,
        DialOutcome::WrongIdentity => 5,
        DialOutcome::Refused => 4,
        DialOutcome::TimedOut => 3,
        DialOutcome::Unreachable => 2,
        DialOutcome::LocalError => 1,
        DialOutcome::Cancelled => 0,
    }
}
