//! Twenty swarms over TCP, noise and yamux find each other through one of them, lose five, and find others.
//!
//! ```sh
//! cargo run --example swarms
//! ```

use std::error::Error;
use std::time::{Duration, Instant};

use dialstate_libp2p::Config;
use libp2p::identity::Keypair;

mod network;

use network::{Node, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let mut nodes: Vec<Node> = Vec::new();
    for number in 0..20u8 {
        let options = Options {
            key: Keypair::ed25519_from_bytes([number + 1; 32])?,
            config: Config::default().with_dynamic_target(4),
            seed: [number; 32],
            bootnode: nodes.first().map(|first| (first.peer, first.addr.clone())),
            recording: None,
        };
        nodes.push(Node::start(options).await?);
    }
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        print!("{:?} ", begun.elapsed());
        for node in &nodes {
            let s = node.status.borrow();
            print!("{}+{}/{} ", s.gauges.dynamic_peers, s.gauges.static_peers, s.gauges.inbound_peers);
        }
        println!();
    }
    for node in nodes {
        println!("{:?}", node.stop().await?);
    }
    Ok(())
}
