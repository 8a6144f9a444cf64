//! What fuzzing has found worth keeping, replayed: `fuzz/seeds`, and where there is one the corpus of `cargo fuzz`.

use std::fs;
use std::path::{Path, PathBuf};

use dialstate_proptests::fuzzing::{TARGETS, is_saved_seed, saved_seeds};
use dialstate_proptests::scheduler_model::rules::{Rule, rules};
use dialstate_proptests::scheduler_steps::{Setup, Step, from_bytes, trace as scheduler_trace};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Seeds of `events` that lead to states worth saving.
const SAVED: [&str; 3] = ["start-05", "start-12", "start-14"];

/// The files of a folder, sorted by name; none where there is no folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn replay(target: &str) {
    let (_, run) = TARGETS.into_iter().find(|(name, _)| *name == target).unwrap();
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let seeds = files(&fuzz.join("seeds").join(target));
    assert!(seeds.len() >= 20, "only {} seeds of {target}: is the folder complete?", seeds.len());
    for file in seeds.into_iter().chain(files(&fuzz.join("corpus").join(target))) {
        println!("{}", file.display());
        run(&fs::read(&file).unwrap());
    }
}

#[test]
fn events() {
    replay("events");
}

#[test]
fn differential() {
    replay("differential");
}

#[test]
fn scheduler() {
    replay("scheduler");
}

#[test]
fn trace() {
    replay("trace");
}

#[test]
fn snapshot() {
    replay("snapshot");
}

/// A fuzzer can't guess a saved state: the seeds bring some, in the form of today. After a change of the form,
/// `DIALSTATE_WRITE_SEEDS=1` writes them anew.
#[test]
fn the_seeds_hold_saved_states() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    for name in SAVED {
        let paths = ["json", "bin"].map(|form| seeds.join(format!("snapshot/saved-{name}.{form}")));
        if std::env::var_os("DIALSTATE_WRITE_SEEDS").is_some() {
            let written = saved_seeds(&fs::read(seeds.join("events").join(name)).unwrap());
            paths.iter().zip(written).for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
        }
        for path in paths {
            assert!(
                is_saved_seed(&fs::read(&path).unwrap()),
                "{} can't be restored: DIALSTATE_WRITE_SEEDS=1 writes it anew",
                path.display()
            );
        }
    }
}

/// Steps from which a seed of `scheduler` is made: a few of them are left.
const STEPS: usize = 400;

/// The seeds of `scheduler` are named after the rules that they show. `DIALSTATE_WRITE_SEEDS=1` writes them anew.
#[test]
fn the_seeds_show_every_rule_of_the_scheduler() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/scheduler");
    for rule in Rule::ALL {
        let path = folder.join(file_name(rule));
        if std::env::var_os("DIALSTATE_WRITE_SEEDS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, shortest(rule)).unwrap();
        }
        assert!(shows(&fs::read(&path).unwrap(), rule), "{} does not show it", path.display());
    }
}

fn shows(bytes: &[u8], rule: Rule) -> bool {
    let (setup, steps) = from_bytes(bytes, STEPS).unwrap();
    rules(&scheduler_trace(&setup, &steps)).contains_key(&rule)
}

/// `CandidateRefused(Itself)` is `candidate-refused-itself`.
fn file_name(rule: Rule) -> String {
    let mut name = String::new();
    for letter in format!("{rule:?}").chars().filter(|letter| letter.is_alphabetic()) {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// Random bytes that show a rule, without the steps that don't matter.
fn shortest(rule: Rule) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut bytes = vec![0; Setup::BYTES + Step::BYTES * STEPS];
    while !shows(&bytes, rule) {
        rng.fill_bytes(&mut bytes);
    }
    let mut at = bytes.len();
    while at > Setup::BYTES {
        at -= Step::BYTES;
        let shorter = [&bytes[..at], &bytes[at + Step::BYTES..]].concat();
        if shows(&shorter, rule) {
            bytes = shorter;
        }
    }
    bytes
}
