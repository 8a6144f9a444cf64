//! A driver with tokio.
//!
//! [`driver`] is what to copy: the loop around a dialer. [`node`] stands for an application, with a tiny handshake and a
//! discovery that asks other nodes. [`transport`] connects with TCP, or in memory for tests that let a day pass in a
//! moment. [`network`] runs many nodes in one process.

pub mod driver;
pub mod network;
pub mod node;
pub mod transport;
