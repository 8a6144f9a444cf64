//! A network of dialers.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::std_instead_of_core,
    reason = "a program with std; it counts what it made itself"
)]

mod addresses;
mod census;
mod draws;
mod world;

use dialstate_proptests::world::{NodeListError, parse_nodes};

fn main() -> Result<(), NodeListError> {
    let list = parse_nodes("examples/data/nodes.csv", include_str!("../data/nodes.csv"))?;
    let bootnodes = parse_nodes("examples/data/bootnodes.csv", include_str!("../data/bootnodes.csv"))?;
    for nodes in [200, 1_000, 10_000] {
        let world = world::World::new(1, nodes, false, &list, &bootnodes);
        println!("{}", census::Census::take(&world).line());
    }
    Ok(())
}
