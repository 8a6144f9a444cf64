#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| dialstate_proptests::fuzzing::scheduler(bytes));
