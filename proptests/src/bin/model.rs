//! `model -- FILE`: prints what the reference model of its profile answers to a trace.
#![allow(clippy::std_instead_of_core, reason = "a program")]

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Write};

use dialstate_proptests::differential::Reference;
use dialstate_proptests::trace::{Input, Lines};

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("usage: model FILE")?;
    let mut lines = Lines::new(&file, BufReader::new(File::open(&file)?));
    let first = lines.next().ok_or_else(|| lines.error_at_end("the first line must be a `config`"))??;
    let config = first.input()?;
    let Input::Config(header) = config.input else {
        return Err(first.error("the first line must be a `config`").into());
    };
    let mut out = std::io::stdout().lock();
    let (mut model, answer) = Reference::new(&header, config.at).map_err(|reason| first.error(reason))?;
    writeln!(out, "{}", answer.text())?;
    for line in lines {
        writeln!(out, "{}", model.line(&line?.input()?).text())?;
    }
    Ok(())
}
