//! A node that discovers others with discv5, and dials them as `dialstate` says.
//!
//! | file | what it is |
//! |---|---|
//! | `driver.rs` | the loop: what happens goes into the dialer, what it commands is done |
//! | `node.rs` | a node: what it is made from, what it shows |
//! | `discovery.rs` | the few things that are asked of the `discv5` crate |
//! | `wire.rs` | the handshake on a TCP connection |
//! | `network.rs` | many nodes in one process, for the test and for `main.rs` |
//!
//! A [`Node`] runs until it is stopped, and shows in [`Status`] what it has reached. `main.rs` starts a network of them.

mod discovery;
mod driver;
pub mod network;
mod node;
mod wire;

pub use node::{Node, Options, Status};

/// The id of a node: that of its discv5 record.
pub type Id = [u8; 32];

/// What can go wrong while a node starts.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
