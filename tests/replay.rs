//! The `replay` example as a user runs it, on recordings that `simulate` makes.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "tests"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs, str};

fn example(name: &str, args: &[&str]) -> Output {
    // `cargo test --test …` does not build the examples, so cargo is asked for this one.
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--offline", "--example", name, "--"]).args(args);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

/// Exit code, standard output and standard error.
fn replay(args: &[&str]) -> (i32, String, String) {
    let output = example("replay", args);
    let text = |bytes: &[u8]| str::from_utf8(bytes).unwrap().to_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// A folder with four hours of classic in both forms.
fn recorded(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    for file in ["day.rec", "day.in.jsonl"] {
        let path = folder.join(file);
        let args = ["--profile", "classic", "--hours", "4", "--record", path.to_str().unwrap()];
        assert!(example("simulate", &args).status.success());
    }
    folder
}

fn path(folder: &Path, file: &str) -> String {
    folder.join(file).to_str().unwrap().to_owned()
}

#[test]
fn both_forms_hold_the_same() {
    let folder = recorded("replay-forms");
    let [rec, input, output] = ["day.rec", "day.in.jsonl", "day.out.jsonl"].map(|file| path(&folder, file));
    for args in [
        vec![rec.as_str()],
        vec![&rec, "--expect", &output],
        vec![&input, "--expect", &output],
        vec!["--diff", &rec, &input],
        vec![&rec, "--lines", &path(&folder, "again")],
    ] {
        let (code, out, err) = replay(&args);
        assert_eq!((code, out.as_str()), (0, ""), "{args:?}: {err}");
    }
    for end in ["in.jsonl", "out.jsonl"] {
        let [one, two] = ["day", "again"].map(|name| fs::read(folder.join(format!("{name}.{end}"))).unwrap());
        assert_eq!(one, two, "{end}");
    }
    let size = |file: &String| fs::metadata(file).unwrap().len();
    assert!(size(&rec) * 2 < size(&input) + size(&output), "compact");
}

#[test]
fn the_first_divergence_is_named() {
    let folder = recorded("replay-divergence");
    let (rec, input) = (path(&folder, "day.rec"), path(&folder, "day.in.jsonl"));
    let output = fs::read_to_string(folder.join("day.out.jsonl")).unwrap();
    let wrong = folder.join("wrong.out.jsonl");
    fs::write(&wrong, output.replacen("\"dynamic\"", "\"static\"", 1)).unwrap();
    let (code, _, err) = replay(&[&input, "--expect", wrong.to_str().unwrap()]);
    assert_eq!(code, 1, "{err}");
    for part in ["the replay differs from", "missing   {", "extra     {", " now: "] {
        assert!(err.contains(part), "{part}: {err}");
    }
    let text = fs::read_to_string(&input).unwrap();
    let other = path(&folder, "other.in.jsonl");
    fs::write(&other, text.replacen("\"seed\":1", "\"seed\":2", 1)).unwrap();
    let (code, out, _) = replay(&["--diff", &rec, &other]);
    assert_eq!(code, 1);
    assert!(out.contains("`seed` is 1 in the first, 2 in the second"), "{out}");
}

#[test]
fn a_file_that_is_not_sound_is_refused_with_its_place() {
    let folder = recorded("replay-unsound");
    let bytes = fs::read(folder.join("day.rec")).unwrap();
    let cases: [(&str, Vec<u8>, i32, &str); 4] = [
        ("cut.rec", bytes.iter().copied().take(5_000).collect(), 2, "the recording ends within a record"),
        ("bad.rec", bytes.iter().copied().take(4_000).chain([0; 9_000]).collect(), 2, "is damaged"),
        (
            "new.rec",
            [b"\x8ddialrec\x07\x00".as_slice(), &[0; 99]].concat(),
            2,
            "version 7, but only version 4",
        ),
        ("none.rec", Vec::new(), 2, "the file is empty"),
    ];
    for (name, bytes, expected, reason) in cases {
        let file = path(&folder, name);
        fs::write(&file, bytes).unwrap();
        let (code, _, err) = replay(&[&file]);
        assert_eq!(code, expected, "{name}: {err}");
        assert!(err.contains(reason) && err.contains(&file), "{name}: {err}");
    }
}

#[test]
fn questions_and_pictures() {
    let folder = recorded("replay-questions");
    let (rec, svg) = (path(&folder, "day.rec"), path(&folder, "day.svg"));
    let output = fs::read_to_string(folder.join("day.out.jsonl")).unwrap();
    // Nothing is answered within 10 ms.
    let line = output.lines().find(|line| line.contains("\"dial\"")).unwrap();
    let id = line.split("\"id\":\"").nth(1).unwrap().split_at(8).0;
    let at = format!("{}ms", line.split(&[':', ','][..]).nth(1).unwrap().parse::<u32>().unwrap() + 10);
    let (code, out, _) = replay(&[&rec, "--explain", id, "--at", &at]);
    assert_eq!(code, 0);
    assert!(out.lines().nth(1).unwrap().starts_with(id), "{out}");
    assert!(
        out.contains("an attempt to reach it is under way") && out.contains(" of 16 dynamic peers"),
        "{out}"
    );
    let (code, _, err) = replay(&[&rec, "--explain", id, "--at", "3"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("expected a span such as 90s"), "{err}");
    let (_, out, _) = replay(&[&rec, "--timeline", "--rows", "5", "--until", "1h"]);
    assert_eq!(out.lines().count(), 1 + 5 + 1 + 1, "{out}");
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    let (code, ..) = replay(&[&rec, "--timeline", "--svg", &svg]);
    assert_eq!(code, 0);
    let drawn = fs::read_to_string(&svg).unwrap();
    assert!(drawn.starts_with("<svg") && drawn.contains("in attempt"), "{drawn:.200}");
}

#[test]
fn a_recording_is_minimized() {
    let folder = recorded("replay-minimize");
    let (rec, name) = (path(&folder, "day.rec"), path(&folder, "short"));
    let (code, _, err) = replay(&[&rec, "--minimize", "below-target:300", "--output", &name]);
    assert_eq!(code, 0, "{err}");
    let [input, output] = ["in", "out"].map(|end| format!("{name}.{end}.jsonl"));
    assert!(fs::read_to_string(&input).unwrap().lines().count() <= 10, "{err}");
    assert_eq!(replay(&[&input, "--expect", &output]).0, 0);
    let (code, _, err) = replay(&[&rec, "--minimize", "below-target:999999"]);
    assert_eq!(code, 1);
    assert!(err.contains("never: below target"), "{err}");
}
