//! The only door: events in, commands out.

use core::iter;

use rand_core::Rng;

use crate::address::Address;
use crate::clock::Clock;
use crate::command::{Command, WakeReason};
use crate::config::Config;
use crate::error::{ConfigError, EventError, Inconsistency};
use crate::event::Event;
use crate::explain::{Explanation, NeedExplanation};
use crate::ledger::Ledger;
use crate::ledger::timers::Wants;
use crate::node::{KnownNode, NodeId};
use crate::notice::Notice;
use crate::plan::{Plan, Step};
use crate::sample;
use crate::stats::{Gauges, Stats, count};
use crate::time::Timestamp;

/// How many entries one drain may look at without a command.
const BACKLOG: u32 = 256;

/// Decides whom to dial, and when. A pure function of its config, the seed of its rng, and the events.
///
/// The methods, by what they are for:
/// - **events**: [`handle`](Self::handle). Any number of them, in any order.
/// - **commands**: [`poll`](Self::poll), until it returns [`Command::Sleep`]. [`step`](Self::step) is both.
/// - **notices**: [`next_notice`](Self::next_notice), whenever you like, or never.
/// - **questions**: [`explain`](Self::explain), [`stats`](Self::stats), [`gauges`](Self::gauges),
///   [`config`](Self::config), [`now`](Self::now). They change nothing.
///
/// `I` is the node id, `A` the address, `R` the rng. The rng should be a seeded, portable one (ChaCha, for example):
/// it keys the hashes against strangers who choose their ids, and it decides which nodes are drawn.
#[derive(Clone, Debug)]
pub struct Dialer<I, A, R> {
    pub(crate) ledger: Ledger<I, A>,
    pub(crate) plan: Plan,
    pub(crate) rng: R,
    pub(crate) phase: Phase,
    pub(crate) clock: Clock,
}

/// Where the present drain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Phase {
    /// The next poll starts a round.
    Fresh,
    /// A round is under way.
    Planning,
    /// The drain has ended with this `Sleep`, in the middle of a round or at its end.
    Asleep { until: Option<Timestamp>, reason: WakeReason, unfinished: bool },
}

impl<I: NodeId, A: Address, R: Rng> Dialer<I, A, R> {
    /// A dialer that knows nobody yet. `me` is this node's own id, `now` the start of its time. Draws four numbers
    /// from the rng.
    ///
    /// # Errors
    /// The first field of the config that makes no sense, or that a bootnode has the id `me`.
    pub fn new(me: I, config: Config<I, A>, mut rng: R, now: Timestamp) -> Result<Self, ConfigError> {
        config.validate_for(&me)?;
        let seeds = [(); 4].map(|()| rng.next_u64());
        let plan = Plan::new(config.profile());
        let ledger = Ledger::new(me, config, seeds, now);
        Ok(Self { ledger, plan, rng, phase: Phase::Fresh, clock: Clock::default() })
    }

    /// Takes in one event: moves time to `now`, lets happen what is due by then, then applies the event.
    ///
    /// A `now` before the latest one counts as that one. Commands follow from [`poll`](Self::poll); several events
    /// before a drain are legal.
    ///
    /// # Errors
    /// The event was refused, and has changed nothing but the clock and the statistics. What the clock made due has
    /// happened all the same, so drain after an error too. [`EventError::TimeOutOfRange`] moves not even the clock.
    pub fn handle(&mut self, now: Timestamp, event: Event<I, A>) -> Result<(), EventError> {
        count(&mut self.ledger.stats.events);
        if now > Timestamp::MAX_NOW {
            count(&mut self.ledger.stats.event_errors);
            return Err(EventError::TimeOutOfRange { now });
        }
        self.advance(self.clock.inner(now), matches!(event, Event::Tick));
        if matches!(event, Event::NetworkChanged) {
            self.plan.drain_burst(&self.ledger);
        }
        let result = self.ledger.apply(self.clock.event(event));
        if result.is_err() {
            count(&mut self.ledger.stats.event_errors);
        }
        result.map_err(|error| self.clock.error(error))
    }

    /// Moves time, and lets happen what is due. An unfinished round is gone on with, if nothing but time has passed.
    fn advance(&mut self, now: Timestamp, tick: bool) {
        let ledger = &mut self.ledger;
        if now < ledger.now {
            count(&mut ledger.stats.clock_regressions);
        }
        ledger.now = ledger.now.max(now);
        let (expected, goes_on) = match self.phase {
            Phase::Asleep { until, unfinished, .. } => (until, unfinished && tick),
            Phase::Fresh | Phase::Planning => (None, false),
        };
        self.phase = if goes_on { Phase::Planning } else { Phase::Fresh };
        let jump = ledger.config.pace.jump;
        let jumped = expected.filter(|expected| ledger.now.saturating_since(*expected) > jump);
        if let Some(expected) = jumped {
            count(&mut ledger.stats.clock_jumps);
            ledger.notify(Notice::TimeJumped { expected });
            self.plan.drain_burst(ledger);
        }
        ledger.expire(jumped.is_none());
    }

    /// The next command. Poll until it is [`Command::Sleep`], which ends every drain; polling again returns the
    /// same one, and draws no randomness.
    ///
    /// Each command is decided on what is the case now, and counts as under way as soon as it is returned. A drain
    /// may stop anywhere: what was not polled is decided anew after the next event.
    pub fn poll(&mut self) -> Command<I, A> {
        let command = self.next_command();
        self.clock.command(command)
    }

    fn next_command(&mut self) -> Command<I, A> {
        match self.phase {
            Phase::Asleep { until, reason, .. } => return Command::Sleep { until, reason },
            Phase::Fresh => self.plan.start(&mut self.ledger),
            Phase::Planning => {}
        }
        self.phase = Phase::Planning;
        for _ in 0..BACKLOG {
            if let Some(command) = self.owed() {
                return command;
            }
            if self.ledger.enforce_next() {
                continue;
            }
            match self.plan.next(&mut self.ledger, &mut self.rng) {
                Step::Issue(attempt) => {
                    if let Some(command) = self.ledger.issue(attempt) {
                        return command;
                    }
                }
                Step::Lookup => return self.ledger.issue_lookup(sample::bytes(&mut self.rng)),
                Step::Looked => {}
                Step::Done(wants) => return self.sleep(wants),
            }
        }
        self.fall_asleep(Some(self.ledger.now.next()), WakeReason::Backlog, true)
    }

    /// What is owed to the driver comes before all that is planned.
    fn owed(&mut self) -> Option<Command<I, A>> {
        match self.ledger.cancels.pop_front() {
            Some(task) => Some(Command::Cancel(task)),
            None => self.ledger.issue_disconnect(),
        }
    }

    /// Nothing is left to do: when will there be? What is due already is more than one event could take care of.
    fn sleep(&mut self, wants: Wants) -> Command<I, A> {
        let soonest = self.ledger.now.next();
        match self.ledger.timers.next(wants) {
            None => self.fall_asleep(None, WakeReason::Event, false),
            Some((at, _)) if at < soonest => self.fall_asleep(Some(soonest), WakeReason::Backlog, false),
            Some((at, reason)) => self.fall_asleep(Some(at), reason, false),
        }
    }

    fn fall_asleep(
        &mut self,
        until: Option<Timestamp>,
        reason: WakeReason,
        unfinished: bool,
    ) -> Command<I, A> {
        count(&mut self.ledger.stats.sleeps);
        self.phase = Phase::Asleep { until, reason, unfinished };
        Command::Sleep { until, reason }
    }

    /// Handles an event, and appends all commands up to and including the `Sleep`.
    ///
    /// # Errors
    /// As [`handle`](Self::handle); the commands are appended all the same.
    pub fn step(
        &mut self,
        now: Timestamp,
        event: Event<I, A>,
        commands: &mut impl Extend<Command<I, A>>,
    ) -> Result<(), EventError> {
        let result = self.handle(now, event);
        loop {
            let command = self.poll();
            let last = matches!(command, Command::Sleep { .. });
            commands.extend(iter::once(command));
            if last {
                return result;
            }
        }
    }

    /// The oldest notice that was not fetched yet.
    pub fn next_notice(&mut self) -> Option<Notice<I>> {
        self.ledger.notices.pop_front().map(|notice| self.clock.notice(notice))
    }

    /// Why a node is not being dialed now: every rule that refuses it, from the code that decides.
    #[must_use]
    pub fn explain(&self, id: &I) -> Explanation {
        self.clock.explanation(self.ledger.explain(id))
    }

    /// Why there are fewer dynamic peers than the target asks for, and what is being done.
    #[must_use]
    pub fn explain_need(&self) -> NeedExplanation {
        self.clock.need(self.ledger.explain_need())
    }

    /// All known nodes, with what is worth keeping over a restart; for those who persist an address book. The order
    /// is that of no rank. Walks over all nodes.
    pub fn known_nodes(&self) -> impl Iterator<Item = KnownNode<I, A>> {
        self.ledger.known_nodes()
    }

    /// Recounts everything that is held in two forms, and compares. It always agrees; tests of drivers and fuzzers may
    /// want to know at once if it ever does not. Walks over all nodes.
    ///
    /// # Errors
    /// The first thing that does not agree with itself.
    pub fn verify(&self) -> Result<(), Inconsistency> {
        self.ledger.verify().map_err(Inconsistency::new)
    }

    /// What has happened since the start.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.ledger.stats
    }

    /// What is there now.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        self.ledger.gauges()
    }

    /// The config in force.
    #[must_use]
    pub fn config(&self) -> &Config<I, A> {
        &self.ledger.config
    }

    /// The latest instant of any event.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.outer(self.ledger.now)
    }
}
