#![no_main]

use dialstate_proptests::{fuzzing, harness::Rigor};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::events(bytes, Rigor::Sampled));
