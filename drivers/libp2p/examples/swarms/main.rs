//! Twenty swarms over TCP, noise and yamux find each other through one of them, lose five, and find others.
//!
//! ```sh
//! cargo run --example swarms
//! ```

mod network;

use std::error::Error;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use network::Network;

const MINUTE: Duration = Duration::from_secs(60);
const NODES: u8 = 20;
const TARGET: usize = 4;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut network = Network::default();
    let (begun, work) = (Instant::now(), ProcessTime::now());
    for number in 0..NODES {
        network.add(number, TARGET, None).await?;
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

    let (wakeups, work) = (network.wakeups(), ProcessTime::now());
    tokio::time::sleep(MINUTE).await;
    let woken = network.wakeups() - wakeups;
    println!(
        "at target: {woken} wake-ups of {NODES} dialers in a minute, {:?} of CPU in all",
        work.elapsed()
    );

    let killed = Instant::now();
    network.kill(5).await?;
    network.at_target(TARGET).await;
    println!("five are gone, the others have {TARGET} again: {:?}", killed.elapsed());
    Ok(())
}
