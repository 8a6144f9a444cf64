//! A fixed set of runs, each of which is told in one line: a name, and what was decided as two numbers. Code that
//! should decide as before prints the same lines as before.
//!
//! No run has a bootnode with the dialer's own id: a dialer may refuse that.

use std::fs;
use std::path::Path;
use std::time::Duration;

use dialstate::{Churn, Profile, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::fuzzing::{transcribe_differential, transcribe_events, transcribe_restored};
use crate::network::Network;
use crate::transcript::Transcript;
use crate::world::{Config, Id, Net, NetConfig, Sim, read_nodes};

/// The lines of the code that all other code has to agree with.
pub const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus.txt");

const ME: Id = *b"the simulated dialer: not listed";
const PROFILES: [Profile; 2] = [Profile::Balanced, Profile::Classic];
/// How many strings of random bytes there are of each kind.
const RANDOM_EVENTS: u64 = 1_500;
const RANDOM_RESTORED: u64 = 300;
const RANDOM_DIFFERENTIAL: u64 = 600;
const NETWORKS: u64 = 60;
const WORLDS: u64 = 12;

/// Writes down what is decided. It fails where a rule is broken.
type Run = Box<dyn Fn(&mut Transcript) -> Result<(), String>>;

/// A run: its name, and what it does.
pub struct Case {
    /// A name without blanks.
    pub name: String,
    run: Run,
}

impl Case {
    fn new(name: String, run: impl Fn(&mut Transcript) -> Result<(), String> + 'static) -> Self {
        Self { name, run: Box::new(run) }
    }

    /// Runs it.
    ///
    /// # Errors
    /// A rule is broken: the message says which, and in which run.
    pub fn run(&self, transcript: &mut Transcript) -> Result<(), String> {
        (self.run)(transcript).map_err(|broken| format!("{}: {broken}", self.name))
    }

    /// Runs it. Returns its line.
    ///
    /// # Errors
    /// A rule is broken: such a run is not to be recorded.
    pub fn line(&self) -> Result<String, String> {
        let mut transcript = Transcript::default();
        self.run(&mut transcript)?;
        let (decisions, notices) = transcript.digests();
        Ok(format!("{} {decisions:016x} {notices:016x}", self.name))
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// All runs, in a fixed order.
///
/// # Panics
/// The folder of seeds can't be read.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, bytes) in seeds("events").into_iter().chain(random("events", RANDOM_EVENTS, 6)) {
        cases.extend(events(&name, &bytes));
    }
    for (name, bytes) in seeds("events").into_iter().chain(random("restored", RANDOM_RESTORED, 6)) {
        cases.extend(restored(&name, &bytes));
    }
    // The saved states among the seeds of `snapshot` are in a form that may change; the others mean events.
    for (name, bytes) in seeds("snapshot").into_iter().filter(|(name, _)| !name.contains("saved-")) {
        cases.extend(events(&name, &bytes[1..]));
    }
    for (name, bytes) in
        seeds("differential").into_iter().chain(random("differential", RANDOM_DIFFERENTIAL, 4))
    {
        cases.push(Case::new(name, move |transcript| {
            transcribe_differential(&bytes, transcript);
            Ok(())
        }));
    }
    cases.extend((0..NETWORKS).map(|seed| {
        Case::new(format!("network/{seed}"), move |transcript| {
            network(seed, transcript);
            Ok(())
        })
    }));
    for seed in 0..WORLDS {
        cases.extend(WORLD_CONFIGS.map(|(name, config)| {
            Case::new(format!("world/{seed}/{name}"), move |transcript| world(seed, config(), transcript))
        }));
    }
    cases
}

fn events(input: &str, bytes: &[u8]) -> Vec<Case> {
    let case = |profile: Profile| {
        let bytes = bytes.to_vec();
        Case::new(format!("{input}/{profile}"), move |transcript| {
            transcribe_events(&bytes, profile, transcript)
        })
    };
    PROFILES.map(case).into()
}

fn restored(input: &str, bytes: &[u8]) -> Vec<Case> {
    let case = |profile: Profile| {
        let bytes = bytes.to_vec();
        Case::new(format!("{input}/{profile}/restored"), move |transcript| {
            transcribe_restored(&bytes, profile, transcript)
        })
    };
    PROFILES.map(case).into()
}

/// The seeds of a fuzz target, by name.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
    let mut seeds: Vec<_> = fs::read_dir(&folder)
        .expect("the folder of seeds")
        .map(|entry| {
            let path = entry.expect("a seed").path();
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            (format!("{target}/{name}"), fs::read(&path).expect("a seed"))
        })
        .collect();
    seeds.sort();
    seeds
}

/// Random bytes for so many inputs of a target, each of some steps.
fn random(target: &'static str, count: u64, step: u64) -> impl Iterator<Item = (String, Vec<u8>)> {
    (0..count).map(move |number| {
        let mut rng = ChaCha8Rng::seed_from_u64(number);
        let steps = [8, 24, 64, 180][(number % 4) as usize];
        let mut bytes = vec![0; (12 + step * steps) as usize];
        rng.fill_bytes(&mut bytes);
        (format!("{target}/{number}"), bytes)
    })
}

/// 2 to 20 dialers for an hour, with faults, and some time without.
fn network(seed: u64, transcript: &mut Transcript) {
    const COUNTS: [u8; 8] = [2, 3, 5, 8, 4, 12, 6, 20];
    let mut network = Network::new(seed, COUNTS[(seed % 8) as usize]);
    network.transcript = Some(std::mem::take(transcript));
    let stop = Timestamp::from_secs(3_600);
    network.run_until(stop);
    network.stop_faults();
    network.run_until(stop.saturating_add(Duration::from_secs(600)));
    *transcript = network.transcript.unwrap_or_default();
}

type Named = (&'static str, fn() -> Config);

const WORLD_CONFIGS: [Named; 4] =
    [("balanced", Config::balanced), ("classic", Config::classic), ("options", options), ("small", small)];

/// Everything that is off by default.
fn options() -> Config {
    let mut config = Config::balanced();
    config.feeler_interval = Some(Duration::from_secs(120));
    config.churn = Some(Churn::default());
    config.anchors = 2;
    config.family_health = true;
    config
}

/// Collections that are full soon.
fn small() -> Config {
    let mut config = Config::balanced();
    (config.limits.good, config.limits.others) = (20, 60);
    config.dynamic_target = 50;
    config
}

/// Twelve hours of a dialer in the network of `examples/simulate`.
fn world(seed: u64, mut config: Config, transcript: &mut Transcript) -> Result<(), String> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data");
    let nodes = read_nodes(&data.join("nodes.csv")).expect("the list of nodes");
    let bootnodes = read_nodes(&data.join("bootnodes.csv")).expect("the list of bootnodes");
    let net = Net::new(NetConfig::new(seed), nodes, &bootnodes);
    config.bootnodes = bootnodes;
    let mut sim = Sim::new(ME, config, seed, net).expect("the config makes sense");
    let end = Timestamp::from_secs(12 * 3_600);
    let run = sim.run_until(end, |drain| {
        transcript.event(drain.now, drain.event, drain.result);
        drain.commands.iter().for_each(|command| transcript.command(command));
        Ok(())
    });
    run.map_err(|fault| fault.to_string())?;
    while let Some(notice) = sim.next_notice() {
        transcript.notice(&notice);
    }
    Ok(())
}
