//! The traces in `traces/` and `traces-scheduler/`, which go-ethereum's own code recorded: the model of their profile
//! and the dialer must reproduce each of them.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use dialstate_proptests::differential::Reference;
use dialstate_proptests::replay::Replayer;
use dialstate_proptests::trace::{Input, InputLine, Lines, OutputLine};

/// The traces of classic: of the original, and those with which the dialer once failed.
const CLASSIC: [&str; 2] = ["traces", "regressions"];
/// The traces of scheduler.
pub(crate) const SCHEDULER: [&str; 1] = ["traces-scheduler"];

/// The traces in some folders, as pairs of files, sorted by name.
pub(crate) fn traces(folders: &[&str]) -> Vec<(PathBuf, PathBuf)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = |folder| fs::read_dir(here.join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut inputs: Vec<PathBuf> = folders.iter().flat_map(files).collect();
    inputs.retain(|path| path.to_str().unwrap().ends_with(".in.jsonl"));
    inputs.sort();
    assert!(inputs.len() >= 10, "only {} traces: are the folders complete?", inputs.len());
    let output = |path: &PathBuf| path.to_str().unwrap().replace(".in.jsonl", ".out.jsonl").into();
    inputs.iter().map(|path| (path.clone(), output(path))).collect()
}

/// The lines of a file.
pub(crate) fn read(path: &Path) -> Lines<BufReader<File>> {
    Lines::new(path.to_str().unwrap(), BufReader::new(File::open(path).expect("the file exists")))
}

/// Feeds each trace to what `begin` makes of its first line, and compares line by line.
fn check<S>(
    folders: &[&str],
    begin: impl Fn(&InputLine) -> (S, OutputLine),
    next: impl Fn(&mut S, &InputLine) -> OutputLine,
) {
    for (input, output) in traces(folders) {
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

fn check_model(folders: &[&str]) {
    let begin = |line: &InputLine| match &line.input {
        Input::Config(header) => Reference::new(header, line.at).unwrap(),
        other => panic!("the first line is {other:?}"),
    };
    check(folders, begin, Reference::line);
}

fn check_dialer(folders: &[&str]) {
    let begin = |line: &InputLine| {
        let (replayer, answer) = Replayer::new(line).unwrap();
        (replayer, answer.line)
    };
    check(folders, begin, |replayer, line| {
        let answer = replayer.line(line).unwrap();
        assert!(answer.refused.is_empty(), "{:?}", answer.refused);
        answer.line
    });
}

#[test]
fn the_model_reproduces_every_trace() {
    check_model(&CLASSIC);
}

#[test]
fn the_dialer_reproduces_every_trace() {
    check_dialer(&CLASSIC);
}

#[test]
fn the_model_reproduces_every_trace_of_the_scheduler() {
    check_model(&SCHEDULER);
}

#[test]
fn the_dialer_reproduces_every_trace_of_the_scheduler() {
    check_dialer(&SCHEDULER);
}

/// Every line of input means the same when it is written and read again, and has the same fields.
#[test]
fn the_lines_of_all_traces_read_back() {
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    for (input, _) in traces(&[CLASSIC.as_slice(), &SCHEDULER].concat()) {
        for text in read(&input) {
            let text = text.unwrap();
            let written = text.input().unwrap().text();
            assert_eq!(value(&written), value(&text.text), "{}:{}", input.display(), text.number);
        }
    }
}
