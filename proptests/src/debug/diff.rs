//! Two recordings, and where they part.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::tape::Tape;
use crate::trace::{InputLine, Output, OutputLine};

/// The first line in which two recordings differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The dialers were told different things.
    Told {
        /// The line, from 1.
        line: usize,
        /// The two lines; `None`: the recording has ended.
        texts: [Option<String>; 2],
        /// The fields that differ, with both values.
        fields: Vec<(String, [String; 2])>,
    },
    /// The dialers were told the same so far, and answer differently.
    Answered {
        /// The line, from 1.
        line: usize,
        /// What they were told.
        input: String,
        /// What only the first answers, and what only the second does.
        commands: [Vec<Output>; 2],
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told { line, texts, fields } => {
                write!(f, "line {line}: the dialers were told different things")?;
                for (name, text) in ["first ", "second"].into_iter().zip(texts) {
                    write!(f, "\n  {name}  {}", text.as_deref().unwrap_or("(has ended)"))?;
                }
                let field = |(name, [one, two]): &(String, [String; 2])| {
                    format!("\n  `{name}` is {one} in the first, {two} in the second")
                };
                fields.iter().try_for_each(|both| f.write_str(&field(both)))
            }
            Self::Answered { line, input, commands } => {
                write!(f, "line {line}: told the same, the dialers answer differently\n  input   {input}")?;
                for (name, commands) in ["first ", "second"].into_iter().zip(commands) {
                    for command in commands {
                        write!(f, "\n  only the {name}  {command}")?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// Compares two recordings. Answers that a recording does not tell are those of a replay.
///
/// # Errors
/// A line can't be replayed.
pub fn diff(one: &Tape, two: &Tape) -> Result<Option<Difference>, String> {
    let answers = [answers(one)?, answers(two)?];
    for at in 0..one.lines.len().max(two.lines.len()) {
        let texts = [one, two].map(|tape| tape.lines.get(at).map(InputLine::text));
        if texts[0] != texts[1] {
            let fields = fields(&texts);
            return Ok(Some(Difference::Told { line: at + 1, texts, fields }));
        }
        let [first, second] = [0, 1].map(|n: usize| answers[n].get(at).map(|answer| &answer.commands));
        if first != second {
            let (first, second) = (first.cloned().unwrap_or_default(), second.cloned().unwrap_or_default());
            let only = |these: &[Output], others: &[Output]| {
                these.iter().filter(|command| !others.contains(command)).cloned().collect()
            };
            let commands = [only(&first, &second), only(&second, &first)];
            let input = texts[0].clone().unwrap_or_default();
            return Ok(Some(Difference::Answered { line: at + 1, input, commands }));
        }
    }
    Ok(None)
}

fn answers(tape: &Tape) -> Result<Vec<OutputLine>, String> {
    if let Some(answers) = &tape.answers {
        return Ok(answers.clone());
    }
    let mut answers = Vec::new();
    tape.play(|_, answer, _| {
        answers.push(answer.clone());
        true
    })?;
    Ok(answers)
}

fn fields(texts: &[Option<String>; 2]) -> Vec<(String, [String; 2])> {
    type Fields = BTreeMap<String, Value>;
    let read = |text: &Option<String>| {
        text.as_ref().and_then(|text| serde_json::from_str::<Fields>(text).ok()).unwrap_or_default()
    };
    let [one, two] = [read(&texts[0]), read(&texts[1])];
    let names: std::collections::BTreeSet<_> = one.keys().chain(two.keys()).collect();
    let shown = |fields: &Fields, name: &str| {
        fields.get(name).map_or_else(|| "absent".to_owned(), ToString::to_string)
    };
    let both = |name: &String| (name.clone(), [shown(&one, name), shown(&two, name)]);
    let differ = names.into_iter().filter(|name| one.get(*name) != two.get(*name));
    // Two wholly different events share no field worth naming.
    if one.get("event") == two.get("event") { differ.map(both).collect() } else { Vec::new() }
}
