//! The main job: lines of input go in one by one, and lines of output come out, or are compared.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Cursor, ErrorKind, Read, Write};
use std::process::ExitCode;

use dialstate::Timestamp;
use dialstate_proptests::replay::{Answer, Replayer, to_lines};
use dialstate_proptests::trace::{Id, InputLine, Lines, Output, OutputLine, Text, TraceId};

use crate::Failure;

type Source = Lines<Box<dyn BufRead>>;

/// The bytes of a file, or of the standard input.
pub(crate) fn bytes(file: &str) -> Result<Box<dyn BufRead>, Failure> {
    if file == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    match File::open(file) {
        Ok(opened) => Ok(Box::new(BufReader::new(opened))),
        Err(error) => Err(Failure(format!("{file}: {error}"))),
    }
}

/// Whether these bytes begin a recording in the compact form; none of them is taken.
pub(crate) fn is_compact(file: &str, bytes: &mut dyn BufRead) -> Result<bool, Failure> {
    let first = bytes.fill_buf().map_err(|error| Failure(format!("{file}: cannot be read: {error}")))?;
    Ok(dialstate::record::Recording::<Id, std::net::SocketAddr>::is_one(first))
}

/// The lines of a file.
pub(crate) fn lines(file: &str, bytes: Box<dyn BufRead>) -> Source {
    Lines::new(if file == "-" { "<stdin>" } else { file }, bytes)
}

/// The lines of input of a recording of either form.
pub(crate) fn open(file: &str) -> Result<Source, Failure> {
    let mut bytes = bytes(file)?;
    if !is_compact(file, &mut bytes)? {
        return Ok(lines(file, bytes));
    }
    let mut compact = Vec::new();
    let failed = |error: &dyn std::fmt::Display| Failure(format!("{file}: {error}"));
    bytes.read_to_end(&mut compact).map_err(|error| failed(&error))?;
    let mut lines = Vec::new();
    to_lines::<&mut dyn Write>(&compact, &mut lines, &mut io::sink()).map_err(|error| failed(&error))?;
    Ok(Lines::new(file, Box::new(Cursor::new(lines))))
}

/// A trace under way.
pub(crate) struct Replay {
    lines: Source,
    replayer: Option<Replayer>,
    verbose: bool,
    until: Option<Until>,
}

/// Where to stop.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// So long after the start.
    After(std::time::Duration),
    /// At this instant.
    At(Timestamp),
}

impl Replay {
    /// A trace that has not begun.
    pub(crate) const fn new(lines: Source, verbose: bool, until: Option<std::time::Duration>) -> Self {
        let until = match until {
            Some(span) => Some(Until::After(span)),
            None => None,
        };
        Self { lines, replayer: None, verbose, until }
    }

    /// The next line, and the answer to it.
    fn next(&mut self) -> Result<Option<(Text, OutputLine)>, Failure> {
        let Some(text) = self.lines.next().transpose()? else {
            return match self.replayer {
                Some(_) => Ok(None),
                None => Err(self.lines.error_at_end("the file is empty: a `config` line is expected").into()),
            };
        };
        let line = text.input()?;
        if self.is_over(line.at) {
            return Ok(None);
        }
        let answer = self.answer(&line).map_err(|reason| text.error(reason))?;
        for refusal in answer.refused.iter().filter(|_| self.verbose) {
            eprintln!("{}", text.error(format!("refused: {refusal}")));
        }
        Ok(Some((text, answer.line)))
    }

    /// Whether a line at this instant is behind the place to stop.
    fn is_over(&mut self, at: Timestamp) -> bool {
        match self.until {
            None => false,
            Some(Until::At(until)) => at > until,
            Some(Until::After(span)) => {
                self.until = Some(Until::At(at.saturating_add(span)));
                false
            }
        }
    }

    fn answer(&mut self, line: &InputLine) -> Result<Answer, String> {
        if let Some(replayer) = &mut self.replayer {
            return replayer.line(line);
        }
        let (replayer, answer) = Replayer::new(line)?;
        self.replayer = Some(replayer);
        Ok(answer)
    }
}

impl Replay {
    /// What the dialer thinks of the nodes that only one side has a command for.
    fn explain(&self, right: &OutputLine, answer: &OutputLine) -> String {
        let Some(replayer) = &self.replayer else { return String::new() };
        let one_sided =
            |command: &&Output| right.commands.contains(command) != answer.commands.contains(command);
        let commands = right.commands.iter().chain(&answer.commands).filter(one_sided);
        let ids: BTreeSet<_> = commands.filter_map(Output::id).collect();
        let explain = |id: TraceId| format!("\n  {id} now: {}", replayer.dialer().explain(&id.bytes()));
        ids.into_iter().map(explain).collect()
    }
}

/// Prints the answers.
pub(crate) fn print(replay: &mut Replay) -> Result<ExitCode, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    while let Some((_, answer)) = replay.next()? {
        match writeln!(out, "{}", answer.text()) {
            // Whoever reads has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            other => other.map_err(|error| Failure(format!("<stdout>: {error}")))?,
        }
    }
    match out.flush() {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure(format!("<stdout>: {error}"))),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Compares the answers with those expected.
pub(crate) fn compare(replay: &mut Replay, file: &str, mut expected: Source) -> Result<ExitCode, Failure> {
    let mut agreed: u64 = 0;
    while let Some((text, answer)) = replay.next()? {
        let Some(wanted) = expected.next().transpose()? else {
            return Ok(diverged(
                file,
                &text,
                &format!("  {file} ends before this line\n  replay    {}", answer.text()),
            ));
        };
        let right = wanted.output()?;
        if wanted.text != answer.text() {
            let report = difference(&wanted, &right, &answer) + &replay.explain(&right, &answer);
            return Ok(diverged(file, &text, &report));
        }
        agreed = agreed.saturating_add(1);
    }
    if let (Some(extra), None) = (expected.next().transpose()?, replay.until) {
        eprintln!("{}", extra.error("the trace ends before this line of the expected output"));
        return Ok(ExitCode::FAILURE);
    }
    eprintln!("{agreed} lines agree");
    Ok(ExitCode::SUCCESS)
}

fn diverged(file: &str, input: &Text, report: &str) -> ExitCode {
    eprintln!("line {}: the replay differs from {file}\n  input     {}\n{report}", input.number, input.text);
    ExitCode::FAILURE
}

/// Both sides, and what one has and the other has not.
fn difference(wanted: &Text, right: &OutputLine, answer: &OutputLine) -> String {
    let mut report = format!("  expected  {}\n  replay    {}", wanted.text, answer.text());
    let mut list = |what: &str, these: &[Output], others: &[Output]| {
        for command in these.iter().filter(|command| !others.contains(command)) {
            report.push_str(&format!("\n  {what}   {command}"));
        }
    };
    list("missing", &right.commands, &answer.commands);
    list("extra  ", &answer.commands, &right.commands);
    if right.at != answer.at {
        report.push_str("\n  the times differ");
    } else if right.commands == answer.commands {
        report.push_str("\n  the commands are the same, but they are spelled differently");
    }
    report
}
