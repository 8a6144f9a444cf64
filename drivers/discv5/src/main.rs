//! 25 nodes find each other through one of them, lose five, and find others.

use std::time::Instant;

use dialstate_discv5::Error;
use dialstate_discv5::network::Network;

const TARGET: u32 = 6;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mut network = Network::default();
    let begun = Instant::now();
    network.start(1..26, TARGET).await?;
    network.settled(TARGET as usize).await;
    println!("all at target after {:?}", begun.elapsed());
    Ok(())
}
