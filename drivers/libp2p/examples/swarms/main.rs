//! Twenty swarms over TCP, noise and yamux find each other through one of them, lose five, and find others.
//!
//! ```sh
//! cargo run --example swarms
//! ```

mod network;

use std::error::Error;
use std::time::{Duration, Instant};

use network::Network;

const NODES: u8 = 20;
const TARGET: usize = 4;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut network = Network::default();
    let begun = Instant::now();
    for number in 0..NODES {
        network.add(number, TARGET, None).await?;
    }
    network.at_target(TARGET).await;
    println!("{NODES} swarms are at their target of {TARGET} after {:?}", begun.elapsed());
    network.agreed().await;
    println!("connections of kademlia are idle and closed after {:?}", begun.elapsed());

    let killed = Instant::now();
    network.kill(5).await?;
    network.at_target(TARGET).await;
    println!("after the end of five, the others are again after {:?}", killed.elapsed());
    Ok(())
}
