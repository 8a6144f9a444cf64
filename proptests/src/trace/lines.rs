//! Lines of a file, with what is needed to say where a mistake is.

use std::fmt;
use std::io::BufRead;
use std::rc::Rc;

use dialstate::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{At, Input, OutputLine};

/// What is wrong with a trace, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceError {
    /// The file, as it was named.
    pub file: String,
    /// The line, counted from 1.
    pub line: u64,
    /// What is wrong, and what is expected.
    pub reason: String,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.reason)
    }
}

impl std::error::Error for TraceError {}

/// The lines of a file that are not blank.
#[derive(Debug)]
pub struct Lines<R> {
    file: Rc<str>,
    number: u64,
    input: R,
}

impl<R: BufRead> Lines<R> {
    /// The lines of `input`; `file` is its name in errors.
    pub fn new(file: &str, input: R) -> Self {
        Self { file: file.into(), number: 0, input }
    }

    /// An error that concerns the file behind its last line.
    pub fn error_at_end(&self, reason: impl Into<String>) -> TraceError {
        TraceError { file: self.file.to_string(), line: self.number + 1, reason: reason.into() }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<Text, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut text = String::new();
        loop {
            text.clear();
            match self.input.read_line(&mut text) {
                Ok(0) => return None,
                Ok(_) => self.number += 1,
                Err(error) => return Some(Err(self.error_at_end(format!("cannot be read: {error}")))),
            }
            if !text.trim().is_empty() {
                text.truncate(text.trim_end().len());
                return Some(Ok(Text { file: Rc::clone(&self.file), number: self.number, text }));
            }
        }
    }
}

/// One line, and where it stands.
#[derive(Clone, Debug)]
pub struct Text {
    file: Rc<str>,
    /// The number of the line, counted from 1.
    pub number: u64,
    /// The line without its end.
    pub text: String,
}

/// How far a machine is drained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Word", into = "Word")]
pub enum Drain {
    /// Until it says `Sleep`.
    #[default]
    Whole,
    /// So many commands, and no more: a recording goes on with the next event. Often none.
    Part(u32),
}

/// A [`Drain`] as lines spell it: nothing or true, false, or a number.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(untagged)]
enum Word {
    Flag(bool),
    Count(u32),
}

impl From<Word> for Drain {
    fn from(word: Word) -> Self {
        match word {
            Word::Flag(true) => Self::Whole,
            Word::Flag(false) => Self::Part(0),
            Word::Count(count) => Self::Part(count),
        }
    }
}

impl From<Drain> for Word {
    fn from(drain: Drain) -> Self {
        match drain {
            Drain::Whole => Self::Flag(true),
            Drain::Part(0) => Self::Flag(false),
            Drain::Part(count) => Self::Count(count),
        }
    }
}

impl Drain {
    /// The default, which lines don't mention.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        *self == Self::Whole
    }
}

/// A line of input: when, what, and whether the machine is drained after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputLine {
    /// When it happens.
    pub at: Timestamp,
    /// How far the machine is drained after it. The line of output shows what came out.
    pub drain: Drain,
    /// What happens.
    pub input: Input,
}

impl InputLine {
    /// An event with a drain after it.
    #[must_use]
    pub const fn new(at: Timestamp, input: Input) -> Self {
        Self { at, drain: Drain::Whole, input }
    }

    /// The line of JSON, without its end.
    pub fn write<W: std::io::Write>(&self, writer: W) -> std::io::Result<()> {
        #[derive(Serialize)]
        struct Wire<'a> {
            #[serde(flatten)]
            at: At,
            #[serde(flatten)]
            input: &'a Input,
            #[serde(skip_serializing_if = "Drain::is_whole")]
            drain: Drain,
        }
        let wire = Wire { at: self.at.into(), input: &self.input, drain: self.drain };
        Ok(serde_json::to_writer(writer, &wire)?)
    }

    /// The line of JSON as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut bytes = Vec::new();
        self.write(&mut bytes).expect("writing to memory does not fail");
        String::from_utf8(bytes).expect("JSON is UTF-8")
    }
}

impl Text {
    /// A mistake in this line.
    pub fn error(&self, reason: impl Into<String>) -> TraceError {
        TraceError { file: self.file.to_string(), line: self.number, reason: reason.into() }
    }

    /// The line as input.
    pub fn input(&self) -> Result<InputLine, TraceError> {
        let mut fields = self.fields()?;
        let at = self.take_time(&mut fields)?;
        let drain = fields.remove("drain").map_or(Ok(Drain::Whole), |drain| {
            let expected = format!("`drain` is {drain}, but must be true, false or a number of commands");
            serde_json::from_value(drain).map_err(|_| self.error(expected))
        })?;
        let input = self.typed(fields)?;
        if matches!(
            input,
            Input::DialFinished { id: None, token: None, .. }
                | Input::DialConnected { id: None, token: None, .. }
                | Input::ResolveFinished { id: None, token: None, .. }
        ) {
            return Err(self.error("missing field `id`: whose task has ended?"));
        }
        Ok(InputLine { at, drain, input })
    }

    /// The line as output.
    pub fn output(&self) -> Result<OutputLine, TraceError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wire {
            commands: Vec<super::Output>,
        }
        let mut fields = self.fields()?;
        let at = self.take_time(&mut fields)?;
        let Wire { commands } = self.typed(fields)?;
        Ok(OutputLine { at, commands })
    }

    fn fields(&self) -> Result<Map<String, Value>, TraceError> {
        serde_json::from_str(&self.text).map_err(|error| {
            // A line is a document of its own, so the line number that serde_json gives is always 1.
            let reason = error.to_string().replace(" at line 1 column ", " at column ");
            self.error(format!("not a JSON object: {reason}"))
        })
    }

    fn take_time(&self, fields: &mut Map<String, Value>) -> Result<Timestamp, TraceError> {
        let mut take = |name: &str, unit: u64| match fields.remove(name) {
            None => Ok(None),
            Some(value) => match value.as_u64().and_then(|at| at.checked_mul(unit)) {
                Some(nanos) => Ok(Some(Timestamp::from_nanos(nanos))),
                None => Err(self.error(format!("`{name}` is {value}, but must be a whole number in range"))),
            },
        };
        match (take("at_ms", 1_000_000)?, take("at_ns", 1)?) {
            (Some(at), None) | (None, Some(at)) => Ok(at),
            (None, None) => Err(self.error("missing field `at_ms` (or `at_ns`)")),
            (Some(_), Some(_)) => Err(self.error("both `at_ms` and `at_ns`: give one of them")),
        }
    }

    fn typed<T: DeserializeOwned>(&self, fields: Map<String, Value>) -> Result<T, TraceError> {
        serde_json::from_value(Value::Object(fields)).map_err(|error| self.error(error.to_string()))
    }
}
