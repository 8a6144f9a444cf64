//! The public methods: events in, commands out.
//!
//! | file | what lives there |
//! |---|---|
//! | `dialer.rs` | [`Dialer`]: `handle`, `poll`, questions |
//! | `dialer/apply.rs` | each event: what changes, and what the plan is told |
//! | `dialer/enforce.rs` | what new rules do to what is there |
//! | `dialer/restart.rs` | what a restart of the program ends |
//! | `dialer/answers.rs` | `explain`, `explain_need`, gauges |

mod answers;
mod apply;
mod enforce;
mod restart;
pub(crate) mod sweep;

use rand_core::Rng;
use siphasher::sip::SipHasher13;

use crate::address::Address;
use crate::clock::Clock;
use crate::command::{Command, WakeReason, drain, sooner};
use crate::config::Config;
use crate::error::{ConfigError, EventError, Inconsistency};
use crate::event::Event;
use crate::facts::Facts;
use crate::node::NodeId;
use crate::notice::Notice;
use crate::plan::Plan;
use crate::plan::policy::{Policy, Step};
use crate::sample;
use crate::stats::{Stats, count};
use crate::time::Timestamp;

use sweep::Sweep;

/// How many entries one drain may look at without a command (a guess: some tens of microseconds).
const BACKLOG: u32 = 256;

/// Decides whom to dial, and when. A pure function of its config, the seed of its rng, and the events.
///
/// ```
/// use dialstate::{Command, Config, DialOutcome, Dialer, Event, Node, Source, Timestamp};
/// use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
/// use std::net::SocketAddr;
///
/// let now = Timestamp::ZERO;
/// let config = Config::default().with_discovery(false);
/// let mut dialer = Dialer::new([0; 32], config, ChaCha8Rng::seed_from_u64(1), now)?;
/// let node = Node::new([7; 32], [SocketAddr::from(([127, 0, 0, 1], 30303))]);
/// dialer.handle(now, Event::NodeDiscovered { node, source: Source(1), vouched: false })?;
///
/// let Command::Dial { dial, .. } = dialer.poll() else { panic!("there is a free slot") };
/// assert!(matches!(dialer.poll(), Command::Sleep { .. })); // nothing else to do
///
/// dialer.handle(now, Event::DialFinished { dial, outcome: DialOutcome::Refused, tried: vec![] })?;
/// let Command::Sleep { until: Some(redial), .. } = dialer.poll() else { panic!("it rests") };
/// assert!(redial >= Timestamp::from_secs(20));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The methods, by what they are for:
/// - **events**: [`handle`](Self::handle). Any number of them, in any order.
/// - **commands**: [`poll`](Self::poll), until it returns [`Command::Sleep`]. [`step`](Self::step) is both.
/// - **notices**: [`next_notice`](Self::next_notice), whenever you like, or never.
/// - **questions**: [`peers`](Self::peers), [`tasks`](Self::tasks), [`known_nodes`](Self::known_nodes),
///   [`known_node`](Self::known_node), [`bans`](Self::bans); [`explain`](Self::explain),
///   [`explain_need`](Self::explain_need), [`excludes`](Self::excludes), [`excludes_id`](Self::excludes_id);
///   [`stats`](Self::stats), [`gauges`](Self::gauges), [`config`](Self::config), [`now`](Self::now). They change nothing, and
///   answer as of the latest event: handle a `Tick` before, if that may be long ago.
/// - **checks**: [`verify`](Self::verify). With the feature `serde`, `snapshot` and `restore` keep all of it over a restart.
///
/// `I` is the node id, `A` the address, `R` the rng. The rng should be a seeded, portable one (ChaCha, for example):
/// it keys the hashes against strangers who choose their ids, and it decides which nodes are drawn.
#[derive(Clone, Debug)]
pub struct Dialer<I, A, R: Rng> {
    pub(crate) facts: Facts<I, A>,
    pub(crate) plan: Plan<I, A>,
    pub(crate) rng: R,
    pub(crate) drain: Drain,
    pub(crate) sweep: Sweep,
    pub(crate) clock: Clock,
}

/// Where the present drain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Drain {
    /// The next poll starts a round.
    Fresh,
    /// A round is under way.
    Planning,
    /// The drain has ended with this `Sleep`, in the middle of a round or at its end.
    Asleep { until: Option<Timestamp>, reason: WakeReason, unfinished: bool },
}

impl<I: NodeId, A: Address, R: Rng> Dialer<I, A, R> {
    /// A dialer that knows no node yet. `me` is this node's own id, `now` the start of its time. Draws four numbers
    /// from the rng.
    ///
    /// # Errors
    /// The first field of the config that makes no sense, or that a bootnode has the id `me`.
    pub fn new(me: I, config: Config<I, A>, mut rng: R, now: Timestamp) -> Result<Self, ConfigError> {
        config.validate_for(&me)?;
        let seeds = [(); 4].map(|()| rng.next_u64());
        let [k0, k1, ..] = seeds;
        let plan = Plan::new(config.profile(), SipHasher13::new_with_keys(k0, k1), now);
        let facts = Facts::new(me, config, seeds, now);
        let (drain, sweep, clock) = (Drain::Fresh, Sweep::DONE, Clock::default());
        Ok(Self { facts, plan, rng, drain, sweep, clock })
    }

    /// Takes in one event: moves time to `now`, lets happen what is due by then, then applies the event.
    ///
    /// A `now` before the latest one counts as that one. Commands follow from [`poll`](Self::poll); several events
    /// before a drain are legal.
    ///
    /// # Errors
    /// The event was refused, and has changed nothing but the clock and the statistics. What the clock made due has
    /// happened all the same, so drain after an error too. [`EventError::TimeOutOfRange`] moves not even the clock.
    pub fn handle(&mut self, now: Timestamp, mut event: Event<I, A>) -> Result<(), EventError> {
        count(&mut self.facts.stats.events);
        if now > Timestamp::MAX_NOW {
            count(&mut self.facts.stats.event_errors);
            return Err(EventError::TimeOutOfRange { now });
        }
        self.advance(self.clock.inner(now), matches!(event, Event::Tick));
        self.clock.event(&mut event);
        let result = self.apply(event);
        if result.is_err() {
            count(&mut self.facts.stats.event_errors);
        }
        result.map_err(|error| self.clock.error(error))
    }

    /// Moves time, and lets happen what is due. If nothing but time has passed, an unfinished round continues.
    fn advance(&mut self, now: Timestamp, tick: bool) {
        let facts = &mut self.facts;
        if now < facts.now {
            count(&mut facts.stats.clock_regressions);
        }
        facts.now = facts.now.max(now);
        let (expected, goes_on) = match self.drain {
            Drain::Asleep { until, unfinished, .. } => (until, unfinished && tick),
            Drain::Fresh | Drain::Planning => (None, false),
        };
        self.drain = if goes_on { Drain::Planning } else { Drain::Fresh };
        let jump = facts.config.pace.jump;
        let jumped = expected.filter(|expected| facts.now.saturating_since(*expected) > jump);
        if let Some(expected) = jumped {
            count(&mut facts.stats.clock_jumps);
            facts.notify(Notice::TimeJumped { expected });
            self.plan.time_jumped(facts);
        }
        self.expire(jumped.is_none());
    }

    /// Decides the next command. Poll until it is [`Command::Sleep`], which ends every drain; polling again returns the
    /// same one, and draws no randomness.
    ///
    /// Each command is decided on what is the case now, and counts as under way as soon as it is returned. A drain
    /// may stop anywhere: what was not polled is decided anew after the next event.
    pub fn poll(&mut self) -> Command<I, A> {
        let mut command = self.next_command();
        self.clock.command(&mut command);
        command
    }

    fn next_command(&mut self) -> Command<I, A> {
        match self.drain {
            Drain::Asleep { until, reason, .. } => return Command::Sleep { until, reason },
            Drain::Fresh | Drain::Planning => {}
        }
        for _ in 0..BACKLOG {
            if let Some(command) = self.owed() {
                return command;
            }
            if self.enforce_next() {
                continue;
            }
            match self.planned() {
                Step::Issue(attempt) => {
                    if let Some(command) = self.facts.issue(attempt) {
                        return command;
                    }
                }
                Step::Lookup => return self.facts.issue_lookup(sample::bytes(&mut self.rng)),
                Step::Looked => {}
                Step::Wait => return self.sleep(),
            }
        }
        let unfinished = self.drain == Drain::Planning;
        self.fall_asleep(Some(self.facts.now.next()), WakeReason::Backlog, unfinished)
    }

    /// The next step of a round, which starts when new rules have had their effect: what they end is no longer under way.
    fn planned(&mut self) -> Step {
        if !self.facts.config.dialing {
            return Step::Wait;
        }
        if self.drain == Drain::Fresh {
            self.plan.start(&mut self.facts);
            self.drain = Drain::Planning;
        }
        self.plan.next(&mut self.facts, &mut self.rng)
    }

    /// What is owed to the driver comes before all that is planned.
    fn owed(&mut self) -> Option<Command<I, A>> {
        match self.facts.pop_cancel() {
            Some(task) => Some(Command::Cancel(task)),
            None => self.facts.issue_disconnect(),
        }
    }

    /// Nothing is left to do: when will there be? What is due already is more than one event could take care of.
    fn sleep(&mut self) -> Command<I, A> {
        let soonest = self.facts.now.next();
        match sooner(self.facts.next_deadline(), self.plan.waits().first()) {
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
        count(&mut self.facts.stats.sleeps);
        self.drain = Drain::Asleep { until, reason, unfinished };
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
        drain(|| self.poll(), commands);
        result
    }

    /// The oldest notice that was not fetched yet.
    pub fn next_notice(&mut self) -> Option<Notice<I>> {
        self.facts.pop_notice().map(|notice| self.clock.notice(notice))
    }

    /// Recounts everything that is held in two forms, and compares. It always agrees; tests of drivers and fuzzers may
    /// want to know at once if it ever does not. Walks over all nodes.
    ///
    /// # Errors
    /// The first thing that does not agree with itself.
    pub fn verify(&self) -> Result<(), Inconsistency> {
        self.facts.verify().and_then(|()| self.plan.verify(&self.facts)).map_err(Inconsistency::new)
    }

    /// Counters of what has happened since the start.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.facts.stats
    }

    /// The config in force.
    #[must_use]
    pub fn config(&self) -> &Config<I, A> {
        &self.facts.config
    }

    /// The latest instant of any event.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.outer(self.facts.now)
    }
}
