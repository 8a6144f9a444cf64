//! A recording in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dialstate::Timestamp;
use dialstate::record::Recording;

use crate::replay::{Replayer, to_lines};
use crate::trace::{
    Drain, Id, Input, InputLine, Lines, OutputLine, Subject, TraceChange, TraceId, TraceNode,
};

/// A whole recording, of either form.
#[derive(Clone, Debug)]
pub struct Tape {
    /// What the dialer was told. The first line is a `config`.
    pub lines: Vec<InputLine>,
    /// What it answered, if the recording says.
    pub answers: Option<Vec<OutputLine>>,
    /// The recording was never finished: the program was stopped, or still runs.
    pub unfinished: bool,
}

impl Tape {
    /// Reads a recording; `name` is that of the file, for errors.
    ///
    /// # Errors
    /// It is not sound; with file, place and reason.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, String> {
        if !is_compact(bytes) {
            let tape = Self { lines: inputs(name, bytes)?, answers: None, unfinished: false };
            return tape.begun(name);
        }
        let (mut input, mut output) = (Vec::new(), Vec::new());
        let finished =
            to_lines(bytes, &mut input, &mut output).map_err(|error| format!("{name}: {error}"))?;
        let answers =
            Lines::new(name, output.as_slice()).map(|text| text?.output()).collect::<Result<_, _>>();
        let answers = Some(answers.map_err(|error| error.to_string())?);
        Self { lines: inputs(name, &input)?, answers, unfinished: !finished }.begun(name)
    }

    fn begun(self, name: &str) -> Result<Self, String> {
        match self.lines.first().map(|line| &line.input) {
            Some(Input::Config(_)) => Ok(self),
            Some(_) => Err(format!("{name}:1: the first line must be a `config`")),
            None => Err(format!("{name}:1: the file is empty: a `config` line is expected")),
        }
    }

    /// When the recording begins.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.lines.first().map_or(Timestamp::ZERO, |line| line.at)
    }

    /// The latest instant in it.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.lines.iter().map(|line| line.at).max().unwrap_or_default()
    }

    /// The instant so long after its start.
    #[must_use]
    pub fn after(&self, span: Duration) -> Timestamp {
        self.start().saturating_add(span)
    }

    /// Replays it, and shows every line with its answer and the dialer afterwards, until `see` returns false.
    ///
    /// # Errors
    /// A line can't be replayed.
    pub fn play(
        &self,
        mut see: impl FnMut(&InputLine, &OutputLine, &Replayer) -> bool,
    ) -> Result<(), String> {
        let mut replayer: Option<Replayer> = None;
        for (number, line) in (1..).zip(&self.lines) {
            let failed = |reason| format!("line {number}: {reason}");
            let answer = match &mut replayer {
                Some(replayer) => replayer.line(line).map_err(failed)?,
                None => {
                    let (begun, answer) = Replayer::new(line).map_err(failed)?;
                    replayer = Some(begun);
                    answer
                }
            };
            let goes_on = replayer.as_ref().is_some_and(|replayer| see(line, &answer.line, replayer));
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    /// The dialer as it was at an instant: told everything up to it, and the time.
    ///
    /// # Errors
    /// A line can't be replayed, or the recording begins later.
    pub fn dialer_at(&self, at: Timestamp) -> Result<Replayer, String> {
        let mut lines = self.lines.iter().take_while(|line| line.at <= at);
        let first = lines.next().ok_or("the recording begins later than that")?;
        let (mut replayer, _) = Replayer::new(first)?;
        for line in lines {
            replayer.line(line)?;
        }
        replayer.line(&InputLine { at, drain: Drain::Part(0), input: Input::Tick {} })?;
        Ok(replayer)
    }

    /// All nodes that are named, with the number of the line that names them first.
    #[must_use]
    pub fn nodes(&self) -> BTreeMap<TraceId, usize> {
        let mut nodes = BTreeMap::new();
        for (number, line) in (1..).zip(&self.lines) {
            for id in named(&line.input) {
                nodes.entry(id).or_insert(number);
            }
        }
        nodes
    }

    /// The node that is meant by (the beginning of) an id.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn find(&self, text: &str) -> Result<Id, String> {
        let exact = TraceId::try_from(text.to_owned())?;
        let nodes: BTreeSet<_> = self.nodes().into_keys().map(|id| (id.bytes(), id.to_string())).collect();
        if nodes.iter().any(|(id, _)| *id == exact.bytes()) {
            return Ok(exact.bytes());
        }
        let mut begin = nodes.iter().filter(|(_, spelled)| spelled.starts_with(text));
        match (begin.next(), begin.count()) {
            (Some((id, _)), 0) => Ok(*id),
            (None, _) => Err(format!("no node in the recording has an id that begins with {text}")),
            (_, more) => Err(format!("{} nodes begin with {text}: give more digits", more + 1)),
        }
    }
}

/// Whether a file with these first bytes is in the compact form.
fn is_compact(bytes: &[u8]) -> bool {
    Recording::<Id, std::net::SocketAddr>::is_one(bytes)
}

fn inputs(name: &str, bytes: &[u8]) -> Result<Vec<InputLine>, String> {
    let lines = Lines::new(name, bytes).map(|text| text?.input()).collect::<Result<_, _>>();
    lines.map_err(|error: crate::trace::TraceError| error.to_string())
}

/// The nodes that a line names.
pub(super) fn named(input: &Input) -> Vec<TraceId> {
    let all = |nodes: &[TraceNode]| nodes.iter().map(|node| node.id).collect();
    match input {
        Input::Config(header) => [all(&header.statics), all(&header.bootnodes)].concat(),
        Input::StaticAdded { node }
        | Input::NodeDiscovered { node, .. }
        | Input::NodeRestored { node, .. } => {
            vec![node.id]
        }
        Input::NodesDiscovered { nodes } | Input::LookupFinished { nodes, .. } => all(nodes),
        Input::StaticRemoved { id }
        | Input::NodeForgotten { id }
        | Input::PeerAdded { id, .. }
        | Input::PeerRemoved { id, .. }
        | Input::InboundPending { id, .. }
        | Input::DialRequested { id }
        | Input::Banned { subject: Subject::Id(id), .. }
        | Input::Unbanned { subject: Subject::Id(id) } => vec![*id],
        Input::DialFinished { id, .. }
        | Input::DialConnected { id, .. }
        | Input::ResolveFinished { id, .. } => id.iter().copied().collect(),
        Input::Reconfigured { change: TraceChange::Bootnodes(nodes) } => all(nodes),
        Input::Reconfigured { .. }
        | Input::Banned { .. }
        | Input::Unbanned { .. }
        | Input::InboundEnded { .. }
        | Input::NetworkChanged {}
        | Input::Restarted {}
        | Input::Tick {} => Vec::new(),
    }
}
