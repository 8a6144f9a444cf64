//! What a driver may ask about its own side of things: who is connected, and which tasks are open.

use crate::command::Task;
use crate::event::PeerKind;
use crate::time::Timestamp;

/// A connected node: an item of `Dialer::peers`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer<I, A> {
    /// The node.
    pub id: I,
    /// Which side opened the connection that stands for it, and what for.
    pub kind: PeerKind,
    /// The address of that connection, if known.
    pub addr: Option<A>,
    /// Since when it is connected.
    pub since: Timestamp,
    /// Whether it is to be disconnected: a `Command::Disconnect` has gone out, or will with the next drain.
    pub leaving: bool,
}

/// A task that waits for its answer: an item of `Dialer::tasks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenTask<I> {
    /// The task, with its token.
    pub task: Task,
    /// The node that is dialed or resolved; `None` for a lookup.
    pub id: Option<I>,
    /// The instant at which the dialer gives the task up; `None`: never.
    pub deadline: Option<Timestamp>,
}
