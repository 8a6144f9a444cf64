//! A driver with threads, channels and the sockets of the standard library.
//!
//! [`driver`] is what to copy: the loop around a dialer. [`node`] stands for an application, with a tiny handshake
//! and a discovery that asks other nodes. [`network`] runs many of them in one process.

pub mod driver;
pub mod network;
pub mod node;
