//! The recording: what the dialer was told, and what it answered, as the `replay` example reads it.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use dialstate::Timestamp;
use dialstate::record::{BinarySink, Header, RngSeed, Sink};
use dialstate_proptests::ChaCha8Rng;
use dialstate_proptests::replay::JsonLines;
use dialstate_proptests::world::{Config, Drain, Id};

/// What the names of a recording and of its output end in, and that of a recording in the compact form.
const ENDINGS: [&str; 3] = [".in.jsonl", ".out.jsonl", ".rec"];

type Write = Box<dyn FnMut(&[u8]) -> io::Result<()>>;

/// A recording under way.
pub(crate) enum Recording {
    /// As two files of JSON Lines.
    Lines(Box<JsonLines<BufWriter<File>>>),
    /// In the compact form; the file is shared with the sink, which writes to it.
    Compact(BinarySink<Write, io::Error>, Rc<RefCell<BufWriter<File>>>),
}

impl Recording {
    /// Creates the files, for the dialer of a simulation.
    pub(crate) fn create(path: &Path, me: Id, config: &Config, seed: u64) -> Result<Self, String> {
        let header = Header::new::<ChaCha8Rng>(me, config.clone(), RngSeed::Number(seed), Timestamp::ZERO);
        if path.extension().is_some_and(|ending| ending == "rec") {
            let file = Rc::new(RefCell::new(open(path)?));
            let shared = Rc::clone(&file);
            let write: Write = Box::new(move |record| shared.borrow_mut().write_all(record));
            let mut compact = BinarySink::new(write);
            compact.begin(&header);
            return Ok(Self::Compact(compact, file));
        }
        // The name first: a file that is refused is not created.
        let output = output_of(path)?;
        let mut lines = JsonLines::new(open(path)?, open(&output)?);
        lines.begin(&header);
        Ok(Self::Lines(Box::new(lines)))
    }

    /// The dialer has handled an event, and was drained.
    pub(crate) fn drained(&mut self, drain: &Drain<'_>) -> io::Result<()> {
        match self {
            Self::Lines(lines) => lines.drained(drain.now, std::slice::from_ref(drain.event), drain.commands),
            Self::Compact(compact, _) => {
                compact.event(drain.now, drain.event);
                drain.commands.iter().for_each(|command| compact.command(command));
                Ok(())
            }
        }
    }

    /// Completes the files.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Lines(lines) => lines.finish(),
            Self::Compact(mut compact, file) => {
                Sink::<Id, std::net::SocketAddr>::end(&mut compact);
                drop(compact.into_result().map_err(io::Error::other)?);
                file.borrow_mut().flush()
            }
        }
    }
}

fn open(path: &Path) -> Result<BufWriter<File>, String> {
    let failed = |error: io::Error| format!("{}: can't be written: {error}", path.display());
    File::create(path).map(BufWriter::new).map_err(failed)
}

/// `day.out.jsonl` for `day.in.jsonl`.
fn output_of(path: &Path) -> Result<PathBuf, String> {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(ENDINGS[0]));
    match name {
        Some(name) if !name.is_empty() => Ok(path.with_file_name(format!("{name}{}", ENDINGS[1]))),
        _ => Err(format!(
            "{}: the name of a recording must end in {} (its output goes beside it, into {}) or in {}",
            path.display(),
            ENDINGS[0],
            ENDINGS[1],
            ENDINGS[2],
        )),
    }
}
