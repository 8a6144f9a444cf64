//! What the options ask for, apart from the replay itself.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, ErrorKind, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use dialstate_proptests::debug::{self, Condition, State, Tape, Timeline};
use dialstate_proptests::replay;
use dialstate_proptests::trace::{InputLine, OutputLine, TraceId};

use crate::{Args, Failure, stream, svg};

/// Columns of a timeline in a terminal of 80 columns, beside the names.
const TERMINAL_CELLS: u32 = 68;
/// Columns of a timeline in a file.
const SVG_CELLS: u32 = 400;
/// How many digits of an id are shown beside a row.
const DIGITS: usize = 10;

/// Replays a recording in the compact form exactly, up to its first divergence.
pub(crate) fn check(
    file: &str,
    bytes: &mut dyn BufRead,
    until: Option<Duration>,
) -> Result<ExitCode, Failure> {
    let bytes = read(file, bytes)?;
    let failed = |error| Failure(format!("{file}: {error}"));
    // The start stands in the header only.
    let until = match until {
        Some(span) => Some(Tape::read(file, &bytes).map_err(Failure)?.after(span)),
        None => None,
    };
    let done = replay::replay(&bytes, until).map_err(failed)?;
    if let Some(divergence) = done.divergence {
        eprintln!("{file} {divergence}");
        return Ok(ExitCode::FAILURE);
    }
    eprintln!("{} events replayed: {} commands agree", done.events, done.commands);
    if done.unfinished {
        eprintln!("{file}: the recording was not finished; it is sound up to its last byte");
    }
    Ok(ExitCode::SUCCESS)
}

fn read(file: &str, bytes: &mut dyn BufRead) -> Result<Vec<u8>, Failure> {
    let mut all = Vec::new();
    bytes.read_to_end(&mut all).map_err(|error| Failure(format!("{file}: cannot be read: {error}")))?;
    Ok(all)
}

/// A whole recording of either form, up to a span after its start.
fn load(file: &str, until: Option<Duration>) -> Result<Tape, Failure> {
    let bytes = read(file, &mut stream::bytes(file)?)?;
    let mut tape = Tape::read(file, &bytes).map_err(Failure)?;
    if let Some(until) = until.map(|span| tape.after(span)) {
        let count = tape.lines.iter().take_while(|line| line.at <= until).count();
        tape.lines.truncate(count);
        tape.answers.iter_mut().for_each(|answers| answers.truncate(count));
    }
    Ok(tape)
}

/// Why a node is not being dialed, and why there are too few peers.
pub(crate) fn explain(file: &str, id: Option<&str>, at: Option<Duration>) -> Result<ExitCode, Failure> {
    let tape = load(file, None)?;
    let at = at.map_or_else(|| tape.end(), |span| tape.after(span));
    let failed = |error| Failure(format!("{file}: {error}"));
    let id = id.map(|id| tape.find(id)).transpose().map_err(failed)?;
    let replayer = tape.dialer_at(at).map_err(failed)?;
    let dialer = replayer.dialer();
    let mut text = format!("at {at}\n");
    if let Some(id) = id {
        let _ = writeln!(text, "{}: {}", TraceId::from(id), dialer.explain(&id));
    }
    let _ = writeln!(text, "{}", dialer.explain_need());
    let attempt = |refusal: &dialstate::Refusal| matches!(refusal, dialstate::Refusal::InAttempt { .. });
    let in_attempt = |id: &TraceId| dialer.explain(&id.bytes()).refusals.iter().any(attempt);
    let nodes: Vec<_> = tape.nodes().into_keys().filter(in_attempt).map(|id| id.to_string()).collect();
    if !nodes.is_empty() {
        let _ = writeln!(text, "in attempt:\n  {}", nodes.join("\n  "));
    }
    print(&text)
}

/// The life of each node.
pub(crate) fn timeline(file: &str, args: &Args) -> Result<ExitCode, Failure> {
    let tape = load(file, None)?;
    let end = args.until.map_or_else(|| tape.end(), |span| tape.after(span).min(tape.end()));
    let cells = if args.svg.is_some() { SVG_CELLS } else { TERMINAL_CELLS };
    let timeline = Timeline::new(&tape, end, cells, args.rows);
    let timeline = timeline.map_err(|error| Failure(format!("{file}: {error}")))?;
    let Some(path) = &args.svg else { return print(&terminal(&timeline)) };
    let drawn = svg::draw(&timeline).map_err(|error| Failure(format!("{}: {error}", path.display())))?;
    fs::write(path, drawn)
        .map_err(|error| Failure(format!("{}: can't be written: {error}", path.display())))?;
    Ok(ExitCode::SUCCESS)
}

/// The first digits of an id.
pub(crate) fn short(id: TraceId) -> String {
    id.to_string().chars().take(DIGITS).collect()
}

fn terminal(timeline: &Timeline) -> String {
    let states = State::ALL.iter().skip(1);
    let legend: Vec<_> = states.map(|(_, name, character)| format!("{character} {name}")).collect();
    let mut text = format!("{}\n", legend.join("   "));
    for row in &timeline.rows {
        let cells: String = row.cells.iter().map(|state| state.character()).collect();
        let _ = writeln!(text, "{:DIGITS$} {}", short(row.id), cells.trim_end());
    }
    let (start, end) = (timeline.start.to_string(), timeline.end.to_string());
    let width = usize::try_from(TERMINAL_CELLS).unwrap_or_default().saturating_sub(start.len());
    let _ = writeln!(text, "{:DIGITS$} {start}{end:>width$}", "");
    if timeline.left_out > 0 {
        let _ = writeln!(text, "{} nodes more, which fewer commands name: --rows N", timeline.left_out);
    }
    text
}

/// The first line in which two recordings differ.
pub(crate) fn diff(one: &str, two: &str, until: Option<Duration>) -> Result<ExitCode, Failure> {
    let tapes = [load(one, until)?, load(two, until)?];
    let difference = debug::diff(&tapes[0], &tapes[1]);
    match difference.map_err(|error| Failure(format!("{one}, {two}: {error}")))? {
        Some(difference) => {
            println!("{difference}");
            Ok(ExitCode::FAILURE)
        }
        None => {
            eprintln!("{} lines agree", tapes[0].lines.len());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The shortest recording that still shows a condition.
pub(crate) fn minimize(
    file: &str,
    condition: Condition,
    until: Option<Duration>,
    output: Option<&str>,
) -> Result<ExitCode, Failure> {
    let tape = load(file, until)?;
    let minimal = match debug::minimize(&tape, condition) {
        Ok(minimal) => minimal,
        Err(reason) => {
            eprintln!("{file}: {reason}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let (wakes, count) = (minimal.wakes(), minimal.lines.len());
    eprintln!("{condition}: at {} of the recording", minimal.held);
    eprintln!("{} lines cut down to {count}, {wakes} of them wake-ups", tape.lines.len());
    let (input, answers) = texts(&minimal.lines, &minimal.answers);
    match output {
        Some(name) => write(name, &input, &answers),
        None => print(&input),
    }
}

/// The recording as JSON Lines.
pub(crate) fn lines(file: &str, until: Option<Duration>, name: &str) -> Result<ExitCode, Failure> {
    let tape = load(file, until)?;
    let mut answers = tape.answers.clone().unwrap_or_default();
    if tape.answers.is_none() {
        let played = tape.play(|_, answer, _| {
            answers.push(answer.clone());
            true
        });
        played.map_err(|error| Failure(format!("{file}: {error}")))?;
    }
    let (input, answers) = texts(&tape.lines, &answers);
    write(name, &input, &answers)
}

fn texts(lines: &[InputLine], answers: &[OutputLine]) -> (String, String) {
    let input: String = lines.iter().map(|line| line.text() + "\n").collect();
    (input, answers.iter().map(|answer| answer.text() + "\n").collect())
}

fn write(name: &str, input: &str, answers: &str) -> Result<ExitCode, Failure> {
    for (path, text) in [(format!("{name}.in.jsonl"), input), (format!("{name}.out.jsonl"), answers)] {
        fs::write(&path, text).map_err(|error| Failure(format!("{path}: can't be written: {error}")))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whoever reads may stop early: a closed pipe is no failure.
fn print(text: &str) -> Result<ExitCode, Failure> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure(format!("<stdout>: {error}"))),
        _ => Ok(ExitCode::SUCCESS),
    }
}
