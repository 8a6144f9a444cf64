//! The network of `examples/simulate`: its nodes, and its dialer.

use std::sync::OnceLock;

use crate::world::{Id, Node, parse_nodes};

/// The id of the dialer, as in `examples/simulate`.
pub(super) const ME: Id = *b"the simulated dialer: not listed";

/// The nodes of the network and its bootnodes.
pub(super) fn nodes() -> (Vec<Node>, Vec<Node>) {
    static NODES: OnceLock<(Vec<Node>, Vec<Node>)> = OnceLock::new();
    let read =
        |name: &str, text: &str| parse_nodes(name, text).expect("a list of the repository is well-formed");
    let lists = NODES.get_or_init(|| {
        let nodes = read("nodes.csv", include_str!("../../../examples/data/nodes.csv"));
        let bootnodes = read("bootnodes.csv", include_str!("../../../examples/data/bootnodes.csv"));
        (nodes, bootnodes)
    });
    lists.clone()
}
