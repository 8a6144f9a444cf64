//! A dialer, and all that is open for it.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use rand_core::Rng;

use super::races::{Races, RacesStep, Won};
use super::sessions::Sessions;
use crate::address::Address;
use crate::command::{Command, DialId, DialKind, DisconnectReason, LookupId, ResolveId, Task};
use crate::dialer::Dialer;
use crate::error::EventError;
use crate::event::{DialOutcome, Event, PeerKind, RemovalReason};
use crate::node::NodeId;
use crate::record::{Recorder, Sink};
use crate::time::Timestamp;

/// What a [`Runner`] runs: a [`Dialer`], or one that is recorded.
pub trait Decide<I, A> {
    /// The rng of the dialer.
    type Rng: Rng;

    /// As [`Dialer::handle`].
    ///
    /// # Errors
    /// As [`Dialer::handle`].
    fn handle(&mut self, now: Timestamp, event: Event<I, A>) -> Result<(), EventError>;

    /// As [`Dialer::poll`].
    fn poll(&mut self) -> Command<I, A>;

    /// The dialer itself, to be asked questions.
    fn dialer(&self) -> &Dialer<I, A, Self::Rng>;
}

impl<I: NodeId, A: Address, R: Rng> Decide<I, A> for Dialer<I, A, R> {
    type Rng = R;

    fn handle(&mut self, now: Timestamp, event: Event<I, A>) -> Result<(), EventError> {
        Self::handle(self, now, event)
    }

    fn poll(&mut self) -> Command<I, A> {
        Self::poll(self)
    }

    fn dialer(&self) -> &Self {
        self
    }
}

impl<I: NodeId, A: Address, R: Rng, S: Sink<I, A>> Decide<I, A> for Recorder<I, A, R, S> {
    type Rng = R;

    fn handle(&mut self, now: Timestamp, event: Event<I, A>) -> Result<(), EventError> {
        Self::handle(self, now, event)
    }

    fn poll(&mut self) -> Command<I, A> {
        Self::poll(self)
    }

    fn dialer(&self) -> &Dialer<I, A, R> {
        Self::dialer(self)
    }
}

/// A dialer, the races of its dials, and the connections of its peers.
///
/// `H` is a handle of yours that ends something when it is dropped: a guard that aborts a task or closes a connection. (A
/// `JoinHandle` is none, of `std` or of tokio: dropped, it lets its task run on. Wrap what stops it into a type whose `Drop`
/// does so.) The runner holds one for each connection, and those for tasks that you give it, and drops each when it is to
/// end. What is dropped with the runner, at shutdown, ends too.
///
/// 1. [`poll`](Self::poll) until it is to wait. Do what each [`RunnerStep`] says, and [`hold`](Self::hold) the handle of what runs
///    for it: otherwise that runs on after a cancel.
/// 2. Say what has happened: [`connected`](Self::connected) or [`failed`](Self::failed) for each `Connect`,
///    [`added`](Self::added) for any other connection, [`closed`](Self::closed) for one that has ended, from whatever side, and
///    [`handle`](Self::handle) for answers and all else. Go on with 1.
///
/// ```
/// use dialstate::driver::{Runner, RunnerStep};
/// use dialstate::{Config, Dialer, Event, Node, RemovalReason, Source, Timestamp};
/// use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
/// use std::net::SocketAddr;
/// use std::rc::Rc;
///
/// let now = Timestamp::ZERO;
/// let config = Config::default().with_discovery(false);
/// let dialer = Dialer::new([9; 4], config, ChaCha8Rng::seed_from_u64(1), now)?;
/// let mut runner: Runner<_, _, _, Rc<str>> = Runner::new(dialer);
///
/// let node = Node::new([3; 4], [SocketAddr::from(([127, 0, 0, 1], 30303))]);
/// runner.handle(now, Event::NodeDiscovered { node, source: Source(1), vouched: false })?;
/// let RunnerStep::Connect { dial, addr, .. } = runner.poll(now) else { panic!("it is to be dialed") };
///
/// // It has connected. The handle stands for a guard that would close the connection.
/// let (handle, mut number) = (Rc::from("a connection"), 0);
/// assert!(runner.connected(now, dial, &addr, |connection| {
///     number = connection;
///     Rc::clone(&handle)
/// }));
/// assert_eq!((runner.dialer().peers().count(), Rc::strong_count(&handle)), (1, 2));
///
/// // The other side has closed it.
/// runner.closed(now, number, RemovalReason::Closed);
/// assert_eq!((runner.dialer().peers().count(), Rc::strong_count(&handle)), (0, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Runner<D, I, A, H> {
    dialer: D,
    races: Races<I, A>,
    sessions: Sessions<I, A, u64>,
    connections: BTreeMap<u64, H>,
    /// The number of the last connection.
    count: u64,
    /// Connections that are to be closed, and were not given back yet.
    closing: VecDeque<(I, DisconnectReason, H)>,
    tasks: BTreeMap<Task, Vec<H>>,
}

/// What a driver has to do next for its [`Runner`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "what it asks for counts as under way"]
#[expect(clippy::exhaustive_enums, reason = "a driver must handle every step")]
pub enum RunnerStep<I, A, H> {
    /// Connect to an address beside whatever else runs, and prove the id of the node. Answer with
    /// [`Runner::connected`] or [`Runner::failed`], however late.
    Connect {
        /// The dial to which it belongs.
        dial: DialId,
        /// The node.
        id: I,
        /// The address.
        addr: A,
        /// What the dial is for.
        kind: DialKind,
        /// The instant at which the dialer gives the dial up; `None`: never. The runner cancels it then.
        deadline: Option<Timestamp>,
    },
    /// A connection is to end. The dialer and the runner have done with it: say goodbye if your protocol has a word for it, and
    /// drop the handle. No answer is wanted.
    Close {
        /// The node.
        id: I,
        /// Why.
        reason: DisconnectReason,
        /// The handle that the runner held.
        handle: H,
    },
    /// Find the addresses of a node. Answer with `Event::ResolveFinished`.
    Resolve {
        /// The token for the answer.
        resolve: ResolveId,
        /// The node.
        id: I,
    },
    /// Find nodes near a target. Answer with `Event::LookupFinished`.
    Lookup {
        /// The token for the answer.
        lookup: LookupId,
        /// 32 random bytes.
        target: [u8; 32],
    },
    /// Wait for something to happen, at most until this instant; if nothing has, handle an `Event::Tick`. `None`: however
    /// long it takes.
    Wait(Option<Timestamp>),
}

impl<I: NodeId, A: Address, H, D: Decide<I, A>> Runner<D, I, A, H> {
    /// Runs a dialer that has nothing under way, and no peers: a new one, or a restored one that was told
    /// [`Event::Restarted`].
    #[must_use]
    pub fn new(dialer: D) -> Self {
        let (races, sessions, connections) = (Races::default(), Sessions::new(), BTreeMap::new());
        let (closing, tasks) = (VecDeque::new(), BTreeMap::new());
        Self { dialer, races, sessions, connections, count: 0, closing, tasks }
    }

    /// What to do next, at `now`. Handles are dropped here if the dialer has cancelled their task.
    pub fn poll(&mut self, now: Timestamp) -> RunnerStep<I, A, H> {
        loop {
            if let Some((id, reason, handle)) = self.closing.pop_front() {
                return RunnerStep::Close { id, reason, handle };
            }
            match self.dialer.poll() {
                Command::Dial { dial, node, kind, stagger, deadline } => {
                    self.races.begin(now, dial, node, kind, stagger, deadline);
                }
                Command::Resolve { resolve, id, .. } => return RunnerStep::Resolve { resolve, id },
                Command::Lookup { lookup, target, .. } => return RunnerStep::Lookup { lookup, target },
                Command::Cancel(task) => {
                    self.races.cancel(task);
                    self.tasks.remove(&task);
                }
                Command::Disconnect { id, reason } => {
                    let (doomed, answer) = self.sessions.disconnect(id, reason);
                    let handles = doomed.iter().filter_map(|connection| self.connections.remove(connection));
                    self.closing.extend(handles.map(|handle| (id, reason, handle)));
                    answer.map(|event| self.tell(now, event));
                }
                // Asking again gives the same, so nothing is lost while dials begin.
                Command::Sleep { until, .. } => match self.races.next(now, until) {
                    RacesStep::Start { dial, id, addr, kind, deadline } => {
                        return RunnerStep::Connect { dial, id, addr, kind, deadline };
                    }
                    RacesStep::Failed(answer) => _ = self.tell(now, answer),
                    RacesStep::Wait(until) => return RunnerStep::Wait(until),
                },
            }
        }
    }

    /// Holds what runs for a step, until its task is answered or cancelled. For a dial there is one for each address.
    pub fn hold(&mut self, task: Task, handle: H) {
        self.tasks.entry(task).or_default().push(handle);
    }

    /// Tells the dialer of anything that the other methods do not tell. An answer that comes too late is no error.
    ///
    /// Leave `PeerAdded`, `PeerRemoved` and `DialConnected` to those methods: the runner has no handle for a peer that was
    /// told of here, and keeps the handles of one that was removed here.
    ///
    /// # Errors
    /// As [`Dialer::handle`].
    pub fn handle(&mut self, now: Timestamp, event: Event<I, A>) -> Result<(), EventError> {
        if let Some(task) = event.answered() {
            self.tasks.remove(&task);
        }
        self.dialer.handle(now, event).or_else(|error| if error.is_late() { Ok(()) } else { Err(error) })
    }

    /// A `Connect` has led to a connection. If the dialer wants it, `hold` makes its handle, and is given the number for
    /// [`closed`](Self::closed): one of the runner's own, and not that of `Event::InboundPending`. Otherwise returns false:
    /// close the connection.
    pub fn connected(&mut self, now: Timestamp, dial: DialId, addr: &A, hold: impl FnOnce(u64) -> H) -> bool {
        let Some(Won { id, kind, addr, answer }) = self.races.connected(dial, addr) else { return false };
        // The other addresses are given up.
        self.tasks.remove(&Task::Dial(dial));
        let taken = self.tell(now, answer);
        if taken {
            self.open(id, kind, Some(addr), hold);
        }
        taken
    }

    /// A `Connect` has failed.
    pub fn failed(&mut self, dial: DialId, addr: &A, outcome: DialOutcome) {
        self.races.failed(dial, addr, outcome);
    }

    /// A connection is up that no `Connect` has led to: an inbound one, or an external one. The arguments are those of
    /// `Event::PeerAdded`; the rest is as for [`connected`](Self::connected). If `InboundPending` was told, handle
    /// `InboundEnded` after this.
    pub fn added(
        &mut self,
        now: Timestamp,
        id: I,
        kind: PeerKind,
        addr: Option<A>,
        hold: impl FnOnce(u64) -> H,
    ) -> bool {
        let taken = self.tell(now, Event::PeerAdded { id, kind, addr: addr.clone() });
        if taken {
            self.open(id, kind, addr, hold);
        }
        taken
    }

    /// A connection has ended, from whatever side. Ignored if the runner has dropped its handle.
    pub fn closed(&mut self, now: Timestamp, connection: u64, reason: RemovalReason) {
        self.connections.remove(&connection);
        for event in self.sessions.closed(connection, reason) {
            self.tell(now, event);
        }
    }

    /// Your program wants a peer disconnected: its handles are dropped, and the dialer is told why. Returns whether it was
    /// connected. Say goodbye before, with [`connection`](Self::connection). A peer that is banned (`Event::Banned`) is
    /// disconnected without this.
    pub fn disconnect(&mut self, now: Timestamp, id: &I, reason: RemovalReason) -> bool {
        let doomed = self.sessions.remove(id);
        for connection in &doomed {
            self.connections.remove(connection);
        }
        !doomed.is_empty() && self.tell(now, Event::PeerRemoved { id: *id, reason })
    }

    /// The handle of the connection to use for a peer: the oldest.
    #[must_use]
    pub fn connection(&self, id: &I) -> Option<&H> {
        self.connections.get(&self.sessions.get(id)?)
    }

    /// The dialer, for its questions.
    #[must_use]
    pub const fn dialer(&self) -> &D {
        &self.dialer
    }

    /// The dialer, for its notices. Events and commands go through the runner.
    pub const fn dialer_mut(&mut self) -> &mut D {
        &mut self.dialer
    }

    /// Gives the dialer back, and drops all handles.
    pub fn into_dialer(self) -> D {
        self.dialer
    }

    /// The dialer has taken a connection. The handle of the oldest is dropped if the peer has opened too many.
    fn open(&mut self, id: I, kind: PeerKind, addr: Option<A>, hold: impl FnOnce(u64) -> H) {
        self.count = self.count.saturating_add(1);
        self.connections.insert(self.count, hold(self.count));
        if let Some(surplus) = self.sessions.opened(id, kind, addr, self.count) {
            self.connections.remove(&surplus);
        }
    }

    /// Tells of what may be refused without harm. Returns whether it was taken.
    fn tell(&mut self, now: Timestamp, event: Event<I, A>) -> bool {
        if let Some(task) = event.answered() {
            self.tasks.remove(&task);
        }
        self.dialer.handle(now, event).is_ok()
    }
}
