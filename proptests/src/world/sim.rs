//! The driver: one dialer, a world that answers it, and a clock that jumps exactly to what comes next.
//!
//! Nothing ticks at a fixed rate: a dialer that forgets to ask for a wake-up stands still here, as it would
//! in a program.

use std::time::Duration;
use std::{fmt, io};

use dialstate::{
    ConfigError, DialId, DialKind, DisconnectReason, EventError, LookupId, Notice, RemovalReason, ResolveId,
    Task, Timestamp, WakeReason,
};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::agenda::{Agenda, Key};
use super::{Command, Config, Dialer, Event, Id, Node};

/// Events handed in within one simulated second; more is a busy loop.
const MOST_STEPS_A_SECOND: u32 = 100_000;
/// Commands in one drain; more is a drain without an end. (The largest honest one dials 2^20 static nodes.)
const MOST_COMMANDS: usize = 1 << 21;

/// What answers the dialer. Each method schedules what will follow; an answer that it doesn't schedule is
/// lost.
pub trait World {
    /// Schedules what happens without being asked for.
    fn start(&mut self, _agenda: &mut Agenda) {}

    /// A dial begins. [`Agenda::connect`] and [`Agenda::finish`] answer it.
    fn dial(&mut self, dial: DialId, node: &Node, kind: DialKind, agenda: &mut Agenda);

    /// A resolve begins. By default it finds nothing.
    fn resolve(&mut self, resolve: ResolveId, _id: Id, agenda: &mut Agenda) {
        let event = Event::ResolveFinished { resolve, addrs: dialstate::Addrs::new() };
        agenda.after(Duration::from_millis(100), Key::Task(Task::Resolve(resolve)), event);
    }

    /// A lookup begins. By default it finds nothing.
    fn lookup(&mut self, lookup: LookupId, _target: [u8; 32], agenda: &mut Agenda) {
        let event = Event::LookupFinished { lookup, nodes: Vec::new() };
        agenda.after(Duration::from_millis(100), Key::Task(Task::Lookup(lookup)), event);
    }

    /// The dialer cancels a task; what was scheduled under its key has been struck off.
    fn cancelled(&mut self, _task: Task, _agenda: &mut Agenda) {}

    /// The dialer wants a connection closed. By default the session's end comes at this instant, in place of
    /// what was scheduled for it.
    fn disconnect(&mut self, id: Id, reason: DisconnectReason, agenda: &mut Agenda) {
        let reason = match reason {
            DisconnectReason::Duplicate { .. } => RemovalReason::Duplicate,
            _ => {
                agenda.cancel(Key::Session(id));
                RemovalReason::Local
            }
        };
        agenda.hang_up(Duration::ZERO, id, reason);
    }

    /// An event was handed to the dialer, which took it or refused it.
    fn handed(&mut self, _event: &Event, _taken: bool, _agenda: &mut Agenda) {}
}

/// Who decides: a dialer, or what stands in for one to see what is feasible.
pub trait Decides {
    /// Takes in one event, as [`dialstate::Dialer::handle`].
    ///
    /// # Errors
    /// The event was refused.
    fn handle(&mut self, now: Timestamp, event: Event) -> Result<(), EventError>;

    /// The next command, as [`dialstate::Dialer::poll`].
    fn poll(&mut self) -> Command;
}

impl Decides for Dialer {
    fn handle(&mut self, now: Timestamp, event: Event) -> Result<(), EventError> {
        self.handle(now, event)
    }

    fn poll(&mut self) -> Command {
        self.poll()
    }
}

/// One event and what the dialer made of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Drain<'a, D = Dialer> {
    /// When.
    pub now: Timestamp,
    /// What was handed in.
    pub event: &'a Event,
    /// Whether the dialer took it.
    pub result: &'a Result<(), EventError>,
    /// The commands; the last one is `Sleep`.
    pub commands: &'a [Command],
    /// The dialer afterwards.
    pub dialer: &'a D,
}

/// A dialer in its world.
#[derive(Debug)]
pub struct Sim<W, D = Dialer> {
    dialer: D,
    world: W,
    agenda: Agenda,
    /// The dialer's `Sleep`; at the start, an order to tick at once.
    wake: (Option<Timestamp>, WakeReason),
    /// The simulated second, and the steps in it.
    steps: (u64, u32),
    commands: Vec<Command>,
}

impl<W: World> Sim<W> {
    /// A dialer that starts at [`Timestamp::ZERO`].
    ///
    /// # Errors
    /// The dialer refuses the config.
    pub fn new(me: Id, config: Config, seed: u64, world: W) -> Result<Self, ConfigError> {
        let dialer = Dialer::new(me, config, ChaCha8Rng::seed_from_u64(seed), Timestamp::ZERO)?;
        Ok(Self::with(dialer, world))
    }

    /// The next notice of the dialer.
    pub fn next_notice(&mut self) -> Option<Notice<Id>> {
        self.dialer.next_notice()
    }
}

impl<W: World, D: Decides> Sim<W, D> {
    /// Whoever decides, from [`Timestamp::ZERO`] on.
    #[must_use]
    pub fn with(dialer: D, mut world: W) -> Self {
        let mut agenda = Agenda::default();
        world.start(&mut agenda);
        let wake = (Some(Timestamp::ZERO), WakeReason::Event);
        Self { dialer, world, agenda, wake, steps: (0, 0), commands: Vec::new() }
    }

    /// Hands in an event from outside at the current instant, and leaves the drain to the next one: as a driver reads an
    /// address book.
    ///
    /// # Errors
    /// The dialer refuses the event.
    pub fn tell(&mut self, event: Event) -> Result<(), EventError> {
        self.dialer.handle(self.agenda.now(), event)
    }

    /// The current instant.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.agenda.now()
    }

    /// The dialer.
    #[must_use]
    pub const fn dialer(&self) -> &D {
        &self.dialer
    }

    /// The world.
    #[must_use]
    pub const fn world(&self) -> &W {
        &self.world
    }

    /// The world, to change it between two runs.
    pub const fn world_mut(&mut self) -> &mut W {
        &mut self.world
    }

    /// The host is suspended: time passes, and nothing runs. What is due meanwhile comes late, when it wakes up.
    pub fn suspend(&mut self, span: Duration) {
        self.agenda.advance(self.agenda.now().saturating_add(span));
    }

    /// When something happens next; `None`: never, unless [`Sim::hand`] brings it.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        [self.agenda.next(), self.wake.0].into_iter().flatten().min()
    }

    /// Runs until `end`, everything at that instant included. `watch` sees every drain.
    ///
    /// # Errors
    /// The dialer broke the contract of `Sleep`, or `watch` failed.
    pub fn run_until(
        &mut self,
        end: Timestamp,
        mut watch: impl FnMut(&Drain<'_, D>) -> io::Result<()>,
    ) -> Result<(), Fault> {
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.agenda.advance(next);
            // A completion at the instant of the wake-up wakes the dialer as well as a tick would.
            let completion = if self.agenda.next() == Some(next) { self.agenda.pop() } else { None };
            self.step(&completion.unwrap_or(Event::Tick), &mut watch)?;
        }
        self.agenda.advance(end);
        Ok(())
    }

    /// Hands in an event from outside at the current instant.
    ///
    /// # Errors
    /// As [`Sim::run_until`].
    pub fn hand(
        &mut self,
        event: &Event,
        mut watch: impl FnMut(&Drain<'_, D>) -> io::Result<()>,
    ) -> Result<(), Fault> {
        self.step(event, &mut watch)
    }

    fn step(
        &mut self,
        event: &Event,
        watch: &mut impl FnMut(&Drain<'_, D>) -> io::Result<()>,
    ) -> Result<(), Fault> {
        let now = self.now();
        self.count_step(now)?;
        let result = self.dialer.handle(now, event.clone());
        self.drain(now)?;
        watch(&Drain { now, event, result: &result, commands: &self.commands, dialer: &self.dialer })
            .map_err(Fault::Watch)?;
        self.world.handed(event, result.is_ok(), &mut self.agenda);
        for command in std::mem::take(&mut self.commands) {
            self.obey(command);
        }
        Ok(())
    }

    fn count_step(&mut self, now: Timestamp) -> Result<(), Fault> {
        let second = now.as_nanos() / 1_000_000_000;
        if self.steps.0 != second {
            self.steps = (second, 0);
        }
        self.steps.1 += 1;
        if self.steps.1 > MOST_STEPS_A_SECOND {
            return Err(Fault::Busy { at: now, steps: self.steps.1, reason: self.wake.1 });
        }
        Ok(())
    }

    fn drain(&mut self, now: Timestamp) -> Result<(), Fault> {
        self.commands.clear();
        loop {
            let command = self.dialer.poll();
            let wake =
                if let Command::Sleep { until, reason } = command { Some((until, reason)) } else { None };
            self.commands.push(command);
            if let Some(wake) = wake {
                self.wake = wake;
                break;
            }
            if self.commands.len() > MOST_COMMANDS {
                return Err(Fault::Endless { at: now, commands: self.commands.len() });
            }
        }
        match self.wake {
            (Some(until), reason) if until <= now => Err(Fault::Overdue { at: now, until, reason }),
            _ => Ok(()),
        }
    }

    fn obey(&mut self, command: Command) {
        let (world, agenda) = (&mut self.world, &mut self.agenda);
        match command {
            Command::Dial { dial, node, kind, .. } => world.dial(dial, &node, kind, agenda),
            Command::Resolve { resolve, id, .. } => world.resolve(resolve, id, agenda),
            Command::Lookup { lookup, target, .. } => world.lookup(lookup, target, agenda),
            Command::Cancel(task) => {
                agenda.cancel(Key::Task(task));
                world.cancelled(task, agenda);
            }
            Command::Disconnect { id, reason } => world.disconnect(id, reason, agenda),
            Command::Sleep { .. } => {}
        }
    }
}

/// Why a simulation stopped early.
#[derive(Debug)]
pub enum Fault {
    /// Too many events within one simulated second: somebody runs in circles.
    Busy {
        /// When.
        at: Timestamp,
        /// How many events in this second.
        steps: u32,
        /// What the dialer waited for last.
        reason: WakeReason,
    },
    /// A drain without an end.
    Endless {
        /// When.
        at: Timestamp,
        /// How many commands it gave.
        commands: usize,
    },
    /// A `Sleep` that names an instant not later than now.
    Overdue {
        /// When it was given.
        at: Timestamp,
        /// What it names.
        until: Timestamp,
        /// What for.
        reason: WakeReason,
    },
    /// The observer failed.
    Watch(io::Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy { at, steps, reason } => {
                write!(f, "busy loop at {at}: {steps} events within one simulated second; ")?;
                write!(f, "the dialer last waited for: {reason}")
            }
            Self::Endless { at, commands } => {
                write!(f, "endless drain at {at}: {commands} commands and no Sleep")
            }
            Self::Overdue { at, until, reason } => {
                write!(f, "Sleep at {at} ({} ns) until {until} ({} ns)", at.as_nanos(), until.as_nanos())?;
                write!(f, " ({reason}): not later than now")
            }
            Self::Watch(error) => write!(f, "the observer failed: {error}"),
        }
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Watch(error) => Some(error),
            Self::Busy { .. } | Self::Endless { .. } | Self::Overdue { .. } => None,
        }
    }
}
