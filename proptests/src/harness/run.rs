//! A dialer and its twin, driven through the steps: every rule is checked after each.

use std::time::Duration;

use dialstate::{BanSubject, EventError, Task, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::book::{Book, Flight};
use super::step::{Drain, Step};
use super::{Broken, Setup, calm, ensure, pool, rules};
use crate::transcript::Transcript;
use crate::world::{Command, Dialer, Event};

/// Commands in one drain; more is a drain without an end.
const MOST_COMMANDS: u32 = 1_000;

/// How often the costly rules are looked at: those that compare whole dialers, explain every node, or recount all.
/// What concerns one event or one command is always checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "never published")]
pub enum Rigor {
    /// After every step.
    Full,
    /// After every eighth step and the last one; and only some runs, as their seed says, end with a calm. So a fuzzer
    /// sees many more runs.
    Sampled,
}

/// Of a sampled run: one step in so many is looked at, and one seed in so many has a calm.
const SAMPLED: u32 = 8;

/// A dialer, its twin, to which all happens later by a constant, and the books.
pub(super) struct Run {
    rigor: Rigor,
    /// How many steps, and wake-ups, there were.
    turns: u32,
    /// Whether the costly rules are checked in this one.
    looks: bool,
    pub(super) dialer: Dialer,
    twin: Dialer,
    shift: Duration,
    pub(super) book: Book,
    /// When the dialer asked to be woken; `None` also while a drain is unfinished.
    pub(super) wake: Option<Timestamp>,
    /// Since when a lookup has been due or waiting.
    hungry: Option<Timestamp>,
    /// What the dialer decides, if it is written down.
    transcript: Option<Transcript>,
}

/// Drives a profile's rules over a sequence of steps, then through a long silence and a calm.
///
/// # Errors
/// The rule that was broken, with the number of the step.
pub fn run(setup: &Setup, steps: &[Step], rigor: Rigor) -> Result<(), Broken> {
    let mut run = Run::new(setup, rigor)?;
    run.steps(steps)?;
    calm::silence(&mut run.branch()).map_err(|broken| format!("in silence: {broken}"))?;
    if rigor == Rigor::Sampled && !u32::from(setup.seed).is_multiple_of(SAMPLED) {
        return Ok(());
    }
    calm::calm(&mut run).map_err(|broken| format!("in the calm: {broken}"))
}

/// What the dialer decides in these steps, in a long silence after them, and in a calm after them.
///
/// # Errors
/// As [`run`].
pub fn transcribe(setup: &Setup, steps: &[Step], transcript: &mut Transcript) -> Result<(), Broken> {
    let mut run = Run::new(setup, Rigor::Sampled)?;
    run.transcript = Some(std::mem::take(transcript));
    let result = run.steps(steps).and_then(|()| {
        let mut silent = run.branch();
        silent.transcript = run.transcript.take();
        let result = calm::silence(&mut silent);
        run.transcript = silent.transcript;
        result?;
        calm::calm(&mut run)
    });
    *transcript = run.transcript.unwrap_or_default();
    result
}

/// Drives the rules over the steps, and before step `cut` puts a restored snapshot in the place of the twin: from
/// then on it must do what the original does.
///
/// # Errors
/// The rule that was broken, with the number of the step.
pub fn run_restored(setup: &Setup, steps: &[Step], cut: usize, rigor: Rigor) -> Result<(), Broken> {
    let mut run = Run::new(setup, rigor)?;
    let (before, after) = steps.split_at(cut.min(steps.len()));
    run.steps(before)?;
    run.restore_twin()?;
    run.steps(after)?;
    calm::silence(&mut run).map_err(|broken| format!("in silence: {broken}"))
}

/// The dialer that the steps lead to.
///
/// # Errors
/// As [`run`].
pub fn dialer(setup: &Setup, steps: &[Step], rigor: Rigor) -> Result<Dialer, Broken> {
    let mut run = Run::new(setup, rigor)?;
    run.steps(steps)?;
    Ok(run.dialer)
}

impl Run {
    fn new(setup: &Setup, rigor: Rigor) -> Result<Self, Broken> {
        let (start, shift) = (setup.start(), setup.shift());
        let dialer = |start| {
            let rng = ChaCha8Rng::seed_from_u64(setup.seed.into());
            Dialer::new(pool::ME, setup.config(), rng, start).map_err(|error| error.to_string())
        };
        let book = Book::new(setup.config(), start);
        Ok(Self {
            rigor,
            turns: 0,
            looks: true,
            dialer: dialer(start)?,
            twin: dialer(start.saturating_add(shift))?,
            shift,
            book,
            wake: None,
            hungry: None,
            transcript: None,
        })
    }

    /// The same run, to go on in another way.
    fn branch(&self) -> Self {
        Self {
            dialer: self.dialer.clone(),
            twin: self.twin.clone(),
            book: self.book.clone(),
            transcript: None,
            ..*self
        }
    }

    fn steps(&mut self, steps: &[Step]) -> Result<(), Broken> {
        for (number, step) in steps.iter().enumerate() {
            self.turn(number + 1 == steps.len());
            self.step(*step).map_err(|broken| format!("step {number}, {step:?}: {broken}"))?;
        }
        Ok(())
    }

    /// What follows is one turn; the last one is always looked at.
    pub(super) fn turn(&mut self, last: bool) {
        self.turns += 1;
        self.looks = last || self.rigor == Rigor::Full || self.turns.is_multiple_of(SAMPLED);
    }

    /// How many of so many wake-ups are worth it.
    pub(super) fn share_of(&self, wakes: u32) -> u32 {
        if self.rigor == Rigor::Full { wakes } else { wakes / SAMPLED }
    }

    fn step(&mut self, step: Step) -> Result<(), Broken> {
        let Some(now) = step.after.at(self.book.now, self.wake) else {
            return self.hand_out_of_range(step);
        };
        for event in step.act.events(&self.book, now) {
            self.hand(now, &event)?;
        }
        self.drain(step.drain)?;
        if !self.looks {
            return Ok(());
        }
        self.dialer.verify().map_err(|what| format!("what is held in two forms differs: {what}"))
    }

    /// Saves the dialer as text; the twin is what is restored from that, on its own timeline.
    fn restore_twin(&mut self) -> Result<(), Broken> {
        let told = |error: serde_json::Error| format!("the snapshot: {error}");
        let text = serde_json::to_string(&self.dialer.snapshot()).map_err(told)?;
        let saved = serde_json::from_str(&text).map_err(told)?;
        let now = self.dialer.now().saturating_add(self.shift);
        let restored = Dialer::restore(saved, self.dialer.config().clone(), self.dialer.rng(), now);
        self.twin = restored.map_err(|error| error.to_string())?;
        ensure!(self.twin.stats() == self.dialer.stats(), "other statistics after a restore");
        ensure!(self.twin.gauges() == self.dialer.gauges(), "other gauges after a restore");
        Ok(())
    }

    /// Hands an event to both dialers, and checks what may be checked before a drain.
    pub(super) fn hand(&mut self, now: Timestamp, event: &Event) -> Result<(), Broken> {
        if self.looks {
            self.check_early_tick(now)?;
        }
        let before = self.looks.then(|| self.dialer.clone());
        let result = self.dialer.handle(now, event.clone());
        if let Some(transcript) = &mut self.transcript {
            transcript.event(now, event, &result);
        }
        let twin = self.twin.handle(now.saturating_add(self.shift), shifted_event(event, self.shift));
        ensure!(result.is_ok() == twin.is_ok(), "the twin says {twin:?}, not {result:?}");
        self.book.counts.event(event, &result);
        self.book.advance(now);
        let late = self.wake.take().map(|expected| self.book.now.saturating_since(expected));
        let jump = self.book.config.pace.jump;
        self.book.counts.clock_jumps += u64::from(late.is_some_and(|late| late > jump));
        match &result {
            Ok(()) => self.book.enter(event),
            Err(error) => {
                if matches!(error, EventError::EndedTask(_)) {
                    self.book.refused(event);
                }
                let unchanged = before.map_or(Ok(()), |before| self.check_unchanged(before, now));
                unchanged.map_err(|broken| format!("after {error:?}: {broken}"))?;
            }
        }
        self.notices();
        self.state(false)
    }

    /// An instant beyond the range changes nothing but the statistics.
    fn hand_out_of_range(&mut self, step: Step) -> Result<(), Broken> {
        let before = self.dialer.clone();
        for event in step.act.events(&self.book, self.book.now) {
            for now in
                [Timestamp::MAX_NOW.saturating_add(Duration::from_nanos(1)), Timestamp::from_nanos(u64::MAX)]
            {
                let result = self.dialer.handle(now, event.clone());
                self.book.counts.event(&event, &result);
                ensure!(result == Err(EventError::TimeOutOfRange { now }), "beyond the range: {result:?}");
            }
        }
        ensure!(self.dialer.now() == before.now(), "the clock has moved out of range");
        same_future(&self.dialer, &before)
    }

    /// An event that was refused leaves the dialer as a tick at its time would.
    fn check_unchanged(&self, mut before: Dialer, now: Timestamp) -> Result<(), Broken> {
        before.handle(now, Event::Tick).map_err(|error| error.to_string())?;
        same_future(&self.dialer, &before)
    }

    /// Balanced: a tick before the wake-up changes nothing. (Classic draws random nodes whenever it is called.)
    fn check_early_tick(&self, now: Timestamp) -> Result<(), Broken> {
        let Some(wake) = self.wake.filter(|_| self.book.balanced) else { return Ok(()) };
        let last = wake.saturating_sub(Duration::from_nanos(1));
        for at in [now.min(last), last] {
            let mut dialer = self.dialer.clone();
            let expected = dialer.poll();
            dialer.handle(at, Event::Tick).map_err(|error| error.to_string())?;
            let command = dialer.poll();
            ensure!(command == expected, "a tick at {at:?} before {expected:?} gives {command:?}");
        }
        Ok(())
    }

    fn notices(&mut self) {
        while let Some(notice) = self.dialer.next_notice() {
            self.book.noticed(&notice);
            if let Some(transcript) = &mut self.transcript {
                transcript.notice(&notice);
            }
        }
        while self.twin.next_notice().is_some() {}
    }

    /// Polls, and checks every command.
    pub(super) fn drain(&mut self, drain: Drain) -> Result<(), Broken> {
        for polled in 0u32.. {
            if matches!(drain, Drain::Cut(most) if polled >= u32::from(most)) {
                break;
            }
            ensure!(polled < MOST_COMMANDS, "a drain without an end");
            let command = self.dialer.poll();
            let twin = self.twin.poll();
            let expected = shifted(&command, self.shift);
            ensure!(twin == expected, "the twin says {twin:?}, not {expected:?}");
            self.obey(&command)?;
            if let Command::Sleep { until, .. } = command {
                return self.slept(&command, until);
            }
        }
        self.notices();
        self.state(false)
    }

    fn obey(&mut self, command: &Command) -> Result<(), Broken> {
        if let Some(transcript) = &mut self.transcript {
            transcript.command(command);
        }
        let told = |broken| format!("{command:?}: {broken}");
        rules::command(&self.book, command).map_err(told)?;
        if matches!(command, Command::Lookup { .. }) {
            self.hungry = None;
        }
        self.book.told(command).map_err(told)
    }

    /// A drain is complete.
    fn slept(&mut self, sleep: &Command, until: Option<Timestamp>) -> Result<(), Broken> {
        self.wake = until;
        self.notices();
        for _ in 0..2 {
            let again = self.dialer.poll();
            ensure!(again == *sleep, "polled again: {again:?}, not {sleep:?}");
        }
        self.state(true)?;
        self.hungry =
            rules::is_hungry(&self.book, &self.dialer).then(|| self.hungry.unwrap_or(self.book.now));
        let most = self.book.config.lookups.interval_max;
        let starves = self.hungry.filter(|since| self.book.now.saturating_since(*since) > most);
        ensure!(starves.is_none(), "peers are missing, nobody is ready, and no lookup since {starves:?}");
        let flying = |flight: &&Flight| matches!(flight.task, Task::Dial(_));
        let dials = self.book.flights.values().filter(flying).count();
        self.book.counts.check(self.dialer.stats(), dials)?;
        rules::rest(&self.book, until)?;
        if self.looks { rules::not_forgotten(&self.book, &self.dialer, until) } else { Ok(()) }
    }

    fn state(&self, drained: bool) -> Result<(), Broken> {
        rules::gauges(&self.book, &self.dialer)?;
        if self.looks { rules::explanations(&self.book, &self.dialer, drained) } else { Ok(()) }
    }
}

/// Both explain and count the same, and give the same commands.
fn same_future(one: &Dialer, other: &Dialer) -> Result<(), Broken> {
    ensure!(one.gauges() == other.gauges(), "{:?}, not {:?}", one.gauges(), other.gauges());
    for id in pool::ids() {
        let (one, other) = (one.explain(&id), other.explain(&id));
        ensure!(one == other, "{}: {one:?}, not {other:?}", id[0]);
    }
    let (mut one, mut other) = (one.clone(), other.clone());
    for _ in 0..MOST_COMMANDS {
        let (one, other) = (one.poll(), other.poll());
        ensure!(one == other, "{one:?}, not {other:?}");
        if matches!(one, Command::Sleep { .. }) {
            return Ok(());
        }
    }
    Err("a drain without an end".to_owned())
}

fn shifted_event(event: &Event, shift: Duration) -> Event {
    let mut event = event.clone();
    if let Event::Banned { subject: BanSubject::Id(_) | BanSubject::Network(_), until: Some(until) } =
        &mut event
    {
        *until = until.saturating_add(shift);
    }
    event
}

fn shifted(command: &Command, shift: Duration) -> Command {
    let mut command = command.clone();
    let at = match &mut command {
        Command::Dial { deadline, .. }
        | Command::Resolve { deadline, .. }
        | Command::Lookup { deadline, .. } => deadline,
        Command::Sleep { until, .. } => until,
        Command::Cancel(_) | Command::Disconnect { .. } => return command,
    };
    *at = at.map(|at| at.saturating_add(shift));
    command
}
