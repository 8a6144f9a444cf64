//! The life of each node over time, in cells.

use std::collections::BTreeMap;

use dialstate::{Explanation, Refusal, Timestamp};

use super::tape::{Tape, named};
use crate::replay::Replayer;
use crate::trace::{Drain, Id, Input, InputLine, TraceId};

/// What a node is to the dialer. Of several within one cell the last in this order is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Not known.
    Unknown,
    /// Nothing refuses it.
    Ready,
    /// Refused for another reason: restricted, its subnet is full, it is connecting to us …
    Held,
    /// It was tried a short while ago, or waits to be resolved again.
    Cooling,
    /// Banned.
    Banned,
    /// In attempt.
    Attempt,
    /// Connected.
    Connected,
}

impl State {
    /// All of them, with a name and a character each.
    pub const ALL: [(Self, &'static str, char); 7] = [
        (Self::Unknown, "unknown", ' '),
        (Self::Ready, "ready", '.'),
        (Self::Held, "held back", '~'),
        (Self::Cooling, "cooling", '-'),
        (Self::Banned, "banned", 'x'),
        (Self::Attempt, "in attempt", 'o'),
        (Self::Connected, "connected", '#'),
    ];

    /// Its character.
    #[must_use]
    pub fn character(self) -> char {
        Self::ALL.iter().find(|(state, ..)| *state == self).map_or('?', |(_, _, character)| *character)
    }

    fn of(explanation: &Explanation) -> Self {
        let state = |refusal: &Refusal| match refusal {
            Refusal::OwnId | Refusal::Unknown => Self::Unknown,
            Refusal::Connected => Self::Connected,
            Refusal::InAttempt { .. } => Self::Attempt,
            Refusal::BannedId { .. } | Refusal::BannedNetwork { .. } => Self::Banned,
            Refusal::Cooling { .. } | Refusal::ResolveDelay { .. } => Self::Cooling,
            _ => Self::Held,
        };
        explanation.refusals.iter().map(state).max().unwrap_or(Self::Ready)
    }
}

/// One node.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which.
    pub id: TraceId,
    /// Its cells.
    pub cells: Vec<State>,
}

/// The lives of nodes, from one instant to another.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// Where the first cell begins.
    pub start: Timestamp,
    /// Where the last one ends.
    pub end: Timestamp,
    /// The nodes that commands name most often, in the order in which they were first heard of.
    pub rows: Vec<Row>,
    /// How many nodes there are besides.
    pub left_out: usize,
}

impl Timeline {
    /// Replays a recording up to `end`, and looks at it in so many cells, for at most so many nodes.
    ///
    /// # Errors
    /// A line can't be replayed.
    pub fn new(tape: &Tape, end: Timestamp, cells: u32, most: usize) -> Result<Self, String> {
        let (start, end) = (tape.start(), end.max(tape.start()));
        let (ids, left_out) = choose(tape, most)?;
        let count = usize::try_from(cells).unwrap_or(1).max(1);
        let rows = ids.into_iter().map(|id| Row { id, cells: vec![State::Unknown; count] }).collect();
        let mut timeline = Self { start, end, rows, left_out };
        timeline.fill(tape, count)?;
        Ok(timeline)
    }

    fn fill(&mut self, tape: &Tape, count: usize) -> Result<(), String> {
        let places: BTreeMap<Id, usize> = (0..).zip(&self.rows).map(|(n, row)| (row.id.bytes(), n)).collect();
        let mut lines = tape.lines.iter();
        let first = lines.next().ok_or("the recording is empty")?;
        let (mut replayer, _) = Replayer::new(first)?;
        let mut next = lines.next();
        for cell in 0..count {
            let (begin, border) = (self.border(cell, count), self.border(cell + 1, count));
            while let Some(line) = next.filter(|line| line.at <= border) {
                let place = |id: &TraceId| places.get(&id.bytes()).copied();
                let told: Vec<_> = named(&line.input).iter().filter_map(place).collect();
                if line.at > begin {
                    told.iter().for_each(|place| self.note(*place, cell, &replayer));
                }
                let answer = replayer.line(line)?;
                let asked = answer.line.commands.iter().filter_map(|command| place(&command.id()?));
                told.into_iter().chain(asked).for_each(|place| self.note(place, cell, &replayer));
                next = lines.next();
            }
            // A copy is told the time: the original must be told no more than the recording says.
            let mut then = replayer.clone();
            then.line(&InputLine { at: border, drain: Drain::Part(0), input: Input::Tick {} })?;
            (0..self.rows.len()).for_each(|place| self.note(place, cell, &then));
        }
        Ok(())
    }

    fn note(&mut self, place: usize, cell: usize, replayer: &Replayer) {
        let row = &mut self.rows[place];
        let state = State::of(&replayer.dialer().explain(&row.id.bytes()));
        row.cells[cell] = row.cells[cell].max(state);
    }

    /// The n-th border between cells.
    fn border(&self, n: usize, count: usize) -> Timestamp {
        let span = self.end.saturating_since(self.start).as_nanos();
        let part = span * n as u128 / count as u128;
        Timestamp::from_nanos(self.start.as_nanos() + u64::try_from(part).unwrap_or(u64::MAX))
    }
}

/// The nodes that commands name most often, and how many others there are.
fn choose(tape: &Tape, most: usize) -> Result<(Vec<TraceId>, usize), String> {
    let mut nodes = tape.nodes();
    let mut counts: BTreeMap<Id, u32> = BTreeMap::new();
    tape.play(|_, answer, _| {
        for id in answer.commands.iter().filter_map(|command| command.id()) {
            *counts.entry(id.bytes()).or_default() += 1;
        }
        true
    })?;
    let all = nodes.len();
    let mut order: Vec<_> = nodes.keys().copied().collect();
    order.sort_by_key(|id| {
        (core::cmp::Reverse(counts.get(&id.bytes()).copied().unwrap_or(0)), nodes.get(id).copied())
    });
    order.truncate(most);
    order.sort_by_key(|id| nodes.remove(id));
    let left_out = all - order.len();
    Ok((order, left_out))
}
