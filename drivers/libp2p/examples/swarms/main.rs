//! Twenty swarms over TCP, noise and yamux find each other through one of them, lose five, and find others.
//!
//! ```sh
//! cargo run --release --example swarms
//! cargo run --release --example swarms -- --foreign-reported    # connections of kademlia are not taken over
//! ```

mod network;

use std::error::Error;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use network::{Network, Options};

const MINUTE: Duration = Duration::from_secs(60);
const NODES: u8 = 20;
const TARGET: usize = 4;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let foreign_reported = std::env::args().any(|arg| arg == "--foreign-reported");
    let mut network = Network::default();
    let (begun, work) = (Instant::now(), ProcessTime::now());
    for number in 0..NODES {
        network.add(Options { foreign_reported, ..network.options(number, TARGET)? }).await?;
    }
    network.at_target(TARGET).await;
    println!(
        "{NODES} swarms have {TARGET} outbound peers each: {:?}, {:?} of CPU",
        begun.elapsed(),
        work.elapsed()
    );
    network.agreed().await;
    println!("what kademlia had opened beside is idle and closed: {:?}", begun.elapsed());
    let seconds: u64 = network.statuses().map(|status| status.seconds).sum();
    println!("connections beside another one of the same pair: {seconds} ends; none is left");

    let (before, work) = (network.wakeups(TARGET), ProcessTime::now());
    tokio::time::sleep(MINUTE).await;
    let after = network.wakeups(TARGET);
    let (full, others) = (after.0 - before.0, after.1 - before.1);
    println!("then, in a minute: {:?} of CPU in all", work.elapsed());
    println!("  wake-ups of dialers at their target: {full}; of those with nobody left to dial: {others}");

    let killed = Instant::now();
    network.kill(5).await?;
    network.at_target(TARGET).await;
    println!("five are gone, the others have {TARGET} again: {:?}", killed.elapsed());
    Ok(())
}
