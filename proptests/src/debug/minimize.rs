//! The shortest recording that still shows a condition, as far as taking away goes.
//!
//! Lines are taken away, and what is left is played. The dialer is woken whenever it asks to be, even if the line
//! that did so is gone: otherwise every condition could be had by not waking it. Only at the end the wake-ups at
//! which nothing happened are left out, where that changes no answer.

use dialstate::Timestamp;

use super::condition::{Condition, Watch};
use super::tape::Tape;
use crate::replay::Replayer;
use crate::steps::shrink;
use crate::trace::{Drain, Input, InputLine, OutputLine, TraceNode};

/// More wake-ups than this without an event are a busy loop; such a part shows nothing.
const MOST_WAKES: u32 = 200_000;

/// A recording that has been cut.
#[derive(Clone, Debug)]
pub struct Minimal {
    /// When the condition first held in the whole recording.
    pub held: Timestamp,
    /// What is left, with the wake-ups that matter.
    pub lines: Vec<InputLine>,
    /// What the dialer answers to it.
    pub answers: Vec<OutputLine>,
}

impl Minimal {
    /// How many of the lines are wake-ups.
    #[must_use]
    pub fn wakes(&self) -> usize {
        self.lines.iter().filter(|line| line.input == Input::Tick {}).count()
    }
}

/// Cuts a recording.
///
/// # Errors
/// The condition never holds in it.
pub fn minimize(tape: &Tape, condition: Condition) -> Result<Minimal, String> {
    let held = first_held(tape, condition)?.ok_or_else(|| format!("never: {condition}"))?;
    let last = InputLine::new(held, Input::Tick {});
    let mut lines: Vec<_> = tape.lines.iter().filter(|line| line.at < held).cloned().collect();
    lines.push(last);
    if play(&lines, condition).is_none() {
        return Err(format!(
            "{condition}: so in the recording, but not if the dialer is woken when it asks to be; the program woke it late"
        ));
    }
    let fails = |lines: &[InputLine]| play(lines, condition).is_some();
    // Most wake-ups come by themselves.
    let needed = |line: &&InputLine| line.input != Input::Tick {} || line.at == held;
    let events: Vec<_> = lines.iter().filter(needed).cloned().collect();
    let lines = shrink(if fails(&events) { &events } else { &lines }, fails);
    let lines = shrink(&shrink_lists(lines, fails), fails);
    let (lines, answers) = terse(play(&lines, condition).unwrap_or_default(), condition).into_iter().unzip();
    Ok(Minimal { held, lines, answers })
}

/// Without the wake-ups at which nothing happened, if all else stays as it is.
fn terse(played: Vec<Played>, condition: Condition) -> Vec<Played> {
    let last = played.len().saturating_sub(1);
    let needed = |(at, (line, answer)): &(usize, &Played)| {
        line.input != Input::Tick {} || !answer.commands.is_empty() || *at == last
    };
    let kept: Vec<_> = played.iter().enumerate().filter(needed).map(|(_, both)| both.clone()).collect();
    let tape =
        Tape { lines: kept.iter().map(|(line, _)| line.clone()).collect(), answers: None, unfinished: false };
    let mut watch = Watch::new(condition);
    let (mut again, mut held) = (Vec::new(), false);
    let replayed = tape.play(|line, answer, replayer| {
        held = watch.see(line, answer, replayer);
        again.push((line.clone(), answer.clone()));
        !held
    });
    if replayed.is_ok() && held && again == kept { kept } else { played }
}

/// When the condition first holds in the recording as it is.
fn first_held(tape: &Tape, condition: Condition) -> Result<Option<Timestamp>, String> {
    let mut watch = Watch::new(condition);
    let mut held = None;
    tape.play(|line, answer, replayer| {
        let due = watch.due();
        if watch.see(line, answer, replayer) {
            held = Some(due.map_or(line.at, |due| due.min(line.at)));
        }
        held.is_none()
    })?;
    Ok(held)
}

/// A line that was played, and the answer.
type Played = (InputLine, OutputLine);

/// Plays lines with all wake-ups between them. Returns what was played until the condition held, if it did.
fn play(lines: &[InputLine], condition: Condition) -> Option<Vec<Played>> {
    let mut watch = Watch::new(condition);
    let (first, rest) = lines.split_first()?;
    let (mut replayer, answer) = Replayer::new(first).ok()?;
    let mut done = watch.see(first, &answer.line, &replayer);
    let mut played = vec![(first.clone(), answer.line)];
    let mut wakes = 0;
    let mut step = |line: &InputLine, replayer: &mut Replayer, done: &mut bool| {
        let answer = replayer.line(line).ok()?;
        *done = watch.see(line, &answer.line, replayer);
        played.push((line.clone(), answer.line));
        Some(())
    };
    for line in rest {
        while let Some(wake) = replayer.wake().filter(|wake| *wake < line.at && !done) {
            wakes += 1;
            if wakes > MOST_WAKES {
                return None;
            }
            step(&InputLine::new(wake, Input::Tick {}), &mut replayer, &mut done)?;
        }
        if done {
            break;
        }
        step(line, &mut replayer, &mut done)?;
    }
    done.then_some(played)
}

/// Takes nodes out of the lists in lines, and drains to the end where that is enough.
fn shrink_lists(mut lines: Vec<InputLine>, fails: impl Fn(&[InputLine]) -> bool) -> Vec<InputLine> {
    for at in 0..lines.len() {
        if lines[at].drain != Drain::Whole {
            let mut simpler = lines.clone();
            simpler[at].drain = Drain::Whole;
            lines = if fails(&simpler) { simpler } else { lines };
        }
        let mut index = 0;
        while list(&mut lines[at].input).is_some_and(|nodes| index < nodes.len()) {
            let mut shorter = lines.clone();
            list(&mut shorter[at].input).into_iter().for_each(|nodes| drop(nodes.remove(index)));
            if fails(&shorter) {
                lines = shorter;
            } else {
                index += 1;
            }
        }
    }
    lines
}

const fn list(input: &mut Input) -> Option<&mut Vec<TraceNode>> {
    match input {
        Input::NodesDiscovered { nodes } | Input::LookupFinished { nodes, .. } => Some(nodes),
        _ => None,
    }
}
