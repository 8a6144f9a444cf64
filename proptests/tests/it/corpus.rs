//! What fuzzing has found worth keeping, replayed: `fuzz/seeds`, and where there is one the corpus of `cargo fuzz`.

use std::fs;
use std::path::{Path, PathBuf};

use dialstate_proptests::fuzzing::{TARGETS, is_saved_seed, saved_seeds};

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
            assert!(is_saved_seed(&fs::read(&path).unwrap()), "{} can't be restored", path.display());
        }
    }
}
