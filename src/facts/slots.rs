//! The handles by which facts name each other, one type for each kind of thing.

use crate::collections::Slot;

/// Names a node, by its record.
pub(crate) type NodeSlot = Slot<OfNode>;
/// Names an entry of the list of static nodes.
pub(crate) type StaticSlot = Slot<OfStatic>;
/// Names an attempt under way.
pub(crate) type AttemptSlot = Slot<OfAttempt>;
/// Names a peer.
pub(crate) type PeerSlot = Slot<OfPeer>;
/// Names an inbound handshake.
pub(crate) type HandshakeSlot = Slot<OfHandshake>;
/// Names a ban.
pub(crate) type BanSlot = Slot<OfBan>;
/// Names a subnet that nodes wait for.
pub(crate) type SubnetSlot = Slot<OfSubnet>;

/// Marks the slots of nodes.
#[derive(Debug)]
pub(crate) enum OfNode {}
/// Marks the slots of static nodes.
#[derive(Debug)]
pub(crate) enum OfStatic {}
/// Marks the slots of attempts.
#[derive(Debug)]
pub(crate) enum OfAttempt {}
/// Marks the slots of peers.
#[derive(Debug)]
pub(crate) enum OfPeer {}
/// Marks the slots of inbound handshakes.
#[derive(Debug)]
pub(crate) enum OfHandshake {}
/// Marks the slots of bans.
#[derive(Debug)]
pub(crate) enum OfBan {}
/// Marks the slots of subnets.
#[derive(Debug)]
pub(crate) enum OfSubnet {}
