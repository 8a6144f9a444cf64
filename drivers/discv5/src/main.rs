//! 25 nodes find each other through one of them, lose five, and find others.

use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use dialstate_discv5::Error;
use dialstate_discv5::network::Network;

const MINUTE: Duration = Duration::from_secs(60);
const NODES: u8 = 25;
const TARGET: usize = 6;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mut network = Network::default();
    let (begun, work) = (Instant::now(), ProcessTime::now());
    network.start(1..NODES + 1, TARGET as u32).await?;
    network.settled(TARGET).await;
    println!(
        "{NODES} nodes have {TARGET} outbound peers each: {:?}, {:?} of CPU",
        begun.elapsed(),
        work.elapsed()
    );

    let (before, work) = (network.wakeups(TARGET), ProcessTime::now());
    tokio::time::sleep(MINUTE).await;
    let after = network.wakeups(TARGET);
    let (full, others) = (after.0 - before.0, after.1 - before.1);
    println!("then, in a minute: {:?} of CPU in all", work.elapsed());
    println!("  wake-ups of dialers at their target: {full}; of those with nobody left to dial: {others}");

    let killed = Instant::now();
    for (node, _) in network.nodes.drain(..5) {
        node.stop().await?;
    }
    network.settled(TARGET).await;
    println!("five are gone, the others have {TARGET} again: {:?}", killed.elapsed());
    Ok(())
}
