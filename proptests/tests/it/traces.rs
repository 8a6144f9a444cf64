//! The traces in `traces/`, which go-ethereum's own code recorded: model and dialer must reproduce each of them.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use dialstate_proptests::model::Model;
use dialstate_proptests::replay::Replayer;
use dialstate_proptests::trace::{Input, InputLine, Lines, OutputLine};

/// The traces of the original, and those with which the dialer once failed, as pairs of files, sorted by name.
fn traces() -> Vec<(PathBuf, PathBuf)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = |folder| fs::read_dir(here.join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut inputs: Vec<PathBuf> = files("traces").chain(files("regressions")).collect();
    inputs.retain(|path| path.to_str().unwrap().ends_with(".in.jsonl"));
    inputs.sort();
    assert!(inputs.len() >= 10, "only {} traces: are the folders complete?", inputs.len());
    let output = |path: &PathBuf| path.to_str().unwrap().replace(".in.jsonl", ".out.jsonl").into();
    inputs.iter().map(|path| (path.clone(), output(path))).collect()
}

fn read(path: &Path) -> Lines<BufReader<File>> {
    Lines::new(path.to_str().unwrap(), BufReader::new(File::open(path).expect("the file exists")))
}

/// Feeds each trace to what `begin` makes of its first line, and compares line by line.
fn check<S>(begin: impl Fn(&InputLine) -> (S, OutputLine), next: impl Fn(&mut S, &InputLine) -> OutputLine) {
    for (input, output) in traces() {
        let mut state = None;
        let mut expected = read(&output);
        for text in read(&input) {
            let text = text.unwrap();
            let line = text.input().unwrap();
            let answer = match &mut state {
                Some(state) => next(state, &line),
                None => {
                    let (begun, answer) = begin(&line);
                    state = Some(begun);
                    answer
                }
            };
            let right = expected.next().expect("a line of output for each line of input").unwrap();
            assert_eq!(answer.text(), right.text, "{}:{}\n{}", input.display(), text.number, text.text);
            assert_eq!(answer, right.output().unwrap(), "what is printed can be read");
        }
        assert!(expected.next().is_none(), "{} goes on", output.display());
    }
}

#[test]
fn the_model_reproduces_every_trace() {
    let begin = |line: &InputLine| match &line.input {
        Input::Config(header) => Model::new(header, line.at),
        other => panic!("the first line is {other:?}"),
    };
    check(begin, Model::line);
}

#[test]
fn the_dialer_reproduces_every_trace() {
    let begin = |line: &InputLine| {
        let (replayer, answer) = Replayer::new(line).unwrap();
        (replayer, answer.line)
    };
    check(begin, |replayer, line| {
        let answer = replayer.line(line).unwrap();
        assert!(answer.refused.is_empty(), "{:?}", answer.refused);
        answer.line
    });
}
