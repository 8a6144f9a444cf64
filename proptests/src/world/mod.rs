//! A simulated world around one `Dialer`: an exact clock, a network made of a node list, and what is counted.
//!
//! | file | what lives there |
//! |---|---|
//! | `sim.rs` | the driver: the dialer, its commands, and the clock that jumps from one instant to the next |
//! | `agenda.rs` | what will happen, in order; what a cancelled task had scheduled is struck off |
//! | `net.rs` | the seeded network of `examples/simulate` |
//! | `nodes.rs` | the reader of node lists |
//! | `history.rs` | what is counted while a simulation runs |
//! | `report.rs` | the numbers at the end, as a table and as JSON |

mod agenda;
mod history;
mod net;
mod nodes;
mod report;
mod sim;

use std::net::SocketAddr;

use rand_chacha::ChaCha8Rng;

pub use agenda::{Agenda, Key};
pub use history::{History, Series};
pub use net::{Fate, Net, NetConfig};
pub use nodes::{NodeListError, parse_nodes, read_nodes};
pub use report::{Report, json, span, table};
pub use sim::{Decides, Drain, Fault, Sim, World};

/// Node ids of all simulated worlds.
pub type Id = [u8; 32];
/// A node of a simulated world.
pub type Node = dialstate::Node<Id, SocketAddr>;
/// An event of a simulated world.
pub type Event = dialstate::Event<Id, SocketAddr>;
/// A command to a simulated world.
pub type Command = dialstate::Command<Id, SocketAddr>;
/// The config of a simulated dialer.
pub type Config = dialstate::Config<Id, SocketAddr>;
/// A simulated dialer.
pub type Dialer = dialstate::Dialer<Id, SocketAddr, ChaCha8Rng>;
