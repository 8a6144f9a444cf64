//! What is decided is what was decided before: `src/bin/corpus.rs` shows where it isn't.

use dialstate_proptests::pinned::{CORPUS, cases};

/// Compares the runs whose names begin with one of these.
fn compare(kinds: &[&str]) {
    let expected = std::fs::read_to_string(CORPUS).unwrap();
    let of_kind = |name: &str| kinds.iter().any(|kind| name.starts_with(kind));
    let expected: Vec<&str> = expected.lines().filter(|line| of_kind(line)).collect();
    let cases: Vec<_> = cases().into_iter().filter(|case| of_kind(&case.name)).collect();
    assert_eq!(cases.len(), expected.len());
    for (case, expected) in cases.iter().zip(expected) {
        assert_eq!(case.line().as_deref(), Ok(expected));
    }
}

#[test]
fn of_random_events() {
    compare(&["events/", "snapshot/"]);
}

#[test]
fn of_restored_dialers() {
    compare(&["restored/"]);
}

#[test]
fn of_traces() {
    compare(&["differential/"]);
}

#[test]
fn of_networks() {
    compare(&["network/"]);
}

#[test]
fn of_worlds() {
    compare(&["world/"]);
}
