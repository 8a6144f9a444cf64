//! What one does with a recording: questions to it, its timeline, its minimum.

use std::time::Duration;

use dialstate::{Refusal, Timestamp};
use dialstate_proptests::debug::{Condition, Difference, State, Tape, Timeline, diff, minimize};
use dialstate_proptests::replay::Replayer;

/// A dial of node 02 is never answered: classic never dials it again. Node 01 connects, and leaves.
const WEDGED: &str = r#"
{"at_ms":0,"event":"config","self":"ff","max_dynamic":4,"static":[],"bootnodes":[],"restrict":[],"discovery":false}
{"at_ms":1000,"event":"nodes_discovered","nodes":[{"id":"01","addr":"1.1.1.1:1"},{"id":"02","addr":"2.2.2.2:2"}]}
{"at_ms":2000,"event":"peer_added","id":"01","kind":"dynamic"}
{"at_ms":2000,"event":"dial_finished","id":"01","outcome":"connected"}
{"at_ms":20000,"event":"banned","subject":{"id":"03"}}
{"at_ms":50000,"event":"peer_removed","id":"01"}
{"at_ms":50000,"event":"node_forgotten","id":"01"}
{"at_ms":90000,"event":"tick"}
{"at_ms":100000,"event":"tick"}
"#;

fn tape(text: &str) -> Tape {
    Tape::read("t.jsonl", text.as_bytes()).unwrap()
}

fn condition(text: &str) -> Condition {
    text.parse().unwrap()
}

#[test]
fn a_wedge_is_cut_down_to_what_makes_it() {
    let tape = tape(WEDGED);
    let minimal = minimize(&tape, condition("not-dialed:02:60")).unwrap();
    assert_eq!(minimal.held.as_nanos(), 61_000_000_001);
    let text: Vec<_> = minimal.lines.iter().map(|line| line.text()).collect();
    assert_eq!(text.len(), 3, "{text:#?}");
    assert!(text[1].contains(r#""nodes":[{"id":"02","addr":"2.2.2.2:2"}]"#), "{text:#?}");
    assert_eq!(text[2], r#"{"at_ns":61000000001,"event":"tick"}"#);
    let (mut replayer, _) = Replayer::new(&minimal.lines[0]).unwrap();
    minimal.lines[1..].iter().for_each(|line| drop(replayer.line(line).unwrap()));
    assert!(matches!(replayer.dialer().explain(&id(2)).refusals[..], [Refusal::InAttempt { .. }]));
}

#[test]
fn a_condition_that_never_holds_is_no_recording() {
    let tape = tape(WEDGED);
    for never in ["not-dialed:02:99", "not-dialed:07:1", "below-target:99", "wakeups-per-hour:2"] {
        let error = minimize(&tape, condition(never)).unwrap_err();
        assert!(error.starts_with("never: "), "{never}: {error}");
    }
    assert_eq!(minimize(&tape, condition("wakeups-per-hour:1")).unwrap().wakes(), 2);
    let below = minimize(&tape, condition("below-target:60")).unwrap();
    assert_eq!(below.held.as_nanos(), 61_000_000_001);
    assert_eq!(below.lines.len(), 3);
}

/// Without its ticks a dialer that is not woken would seem to do nothing.
#[test]
fn what_is_left_out_does_not_keep_the_dialer_asleep() {
    let told = r#"
{"at_ms":0,"event":"config","self":"ff","max_dynamic":1,"static":[],"bootnodes":[],"restrict":[],"discovery":false,"profile":"balanced","seed":1}
{"at_ms":1000,"event":"node_discovered","node":{"id":"02","addr":"2.2.2.2:2"}}
{"at_ms":31000,"event":"tick"}
{"at_ms":500000,"event":"tick"}
"#;
    // As it was recorded the host slept; woken in time the dialer would have tried again.
    let error = minimize(&tape(told), condition("not-dialed:02:400")).unwrap_err();
    assert!(error.contains("woke it late"), "{error}");
}

#[test]
fn conditions_are_read() {
    assert_eq!(condition("below-target:60"), Condition::BelowTarget(Duration::from_secs(60)));
    assert_eq!(condition("wakeups-per-hour:7"), Condition::WakeupsPerHour(7));
    for (text, reason) in [
        ("below-target", "expected below-target:SECONDS"),
        ("below-target:-1", "'-1' is not a whole number"),
        ("not-dialed:xyz:5", "the id \"xyz\" is not"),
    ] {
        let error = text.parse::<Condition>().unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn the_dialer_at_an_instant() {
    let tape = tape(WEDGED);
    let refusals =
        |at, node| tape.dialer_at(Timestamp::from_millis(at)).unwrap().dialer().explain(&id(node)).refusals;
    assert_eq!(refusals(999, 2), [Refusal::Unknown]);
    assert!(matches!(refusals(1_000, 2)[..], [Refusal::InAttempt { .. }]));
    assert_eq!(
        refusals(2_000, 1),
        [Refusal::Connected, Refusal::Cooling { until: Timestamp::from_nanos(32_000_000_001) }]
    );
    assert_eq!(refusals(40_000, 1), [Refusal::Connected]);
    assert!(
        matches!(refusals(60_000, 1)[..], [Refusal::Unknown, Refusal::InAttempt { .. }]),
        "dialed once more, then forgotten"
    );
    assert_eq!(tape.find("02"), Ok(id(2)));
    assert_eq!(tape.find("0"), Err("3 nodes begin with 0: give more digits".to_owned()));
    assert!(tape.find("7").unwrap_err().starts_with("no node"));
}

#[test]
fn a_timeline_shows_what_happened_within_a_cell() {
    use State::{Attempt, Banned, Connected, Unknown};
    let timeline = Timeline::new(&tape(WEDGED), Timestamp::from_secs(100), 10, 3).unwrap();
    let cells: Vec<_> = timeline.rows.iter().map(|row| (row.id.to_string(), row.cells.clone())).collect();
    let life = |parts: &[(State, usize)]| -> Vec<State> {
        parts.iter().flat_map(|(state, count)| std::iter::repeat_n(*state, *count)).collect()
    };
    assert_eq!(cells[0], ("01".to_owned(), life(&[(Connected, 5), (Attempt, 5)])));
    assert_eq!(cells[1], ("02".to_owned(), life(&[(Attempt, 10)])));
    // The border at 20 s belongs to the cell before it.
    assert_eq!(cells[2], ("03".to_owned(), life(&[(Unknown, 1), (Banned, 9)])));
    assert_eq!(timeline.left_out, 0);
}

#[test]
fn recordings_are_compared() {
    let one = tape(WEDGED);
    assert_eq!(diff(&one, &one).unwrap(), None);
    let other = tape(&WEDGED.replace("\"max_dynamic\":4", "\"max_dynamic\":5"));
    let Difference::Told { line: 1, fields, .. } = diff(&one, &other).unwrap().unwrap() else {
        unreachable!()
    };
    assert_eq!(fields, [("max_dynamic".to_owned(), ["4".to_owned(), "5".to_owned()])]);
    let mut answered = one.clone();
    let mut answers = Vec::new();
    one.play(|_, answer, _| {
        answers.push(answer.clone());
        true
    })
    .unwrap();
    answers[1].commands.pop();
    answered.answers = Some(answers);
    let Difference::Answered { line: 2, commands, .. } = diff(&one, &answered).unwrap().unwrap() else {
        unreachable!()
    };
    assert_eq!((commands[0].len(), commands[1].len()), (1, 0));
}

fn id(byte: u8) -> [u8; 32] {
    let mut id = [0; 32];
    id[0] = byte;
    id
}
