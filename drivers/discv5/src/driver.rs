//! The loop: what happens goes into the dialer, what it commands is done.

use std::net::SocketAddr;
use std::time::Instant;

use dialstate::prelude::*;
use dialstate::record::{BinarySink, Recorder};
use dialstate::{Notice, Stats};
use discv5::Enr;
use rand_chacha::ChaCha8Rng;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};

use crate::discovery::{self, Discovery};
use crate::wire::{self, sleep};
use crate::{Id, Status};

pub(crate) type WriteFn = dyn FnMut(&[u8]) -> std::io::Result<()> + Send;
pub(crate) type Recording = Option<BinarySink<Box<WriteFn>, std::io::Error>>;
pub(crate) type Recorded = Recorder<Id, SocketAddr, ChaCha8Rng, Recording>;

/// The nodes that the event stream of discv5 brings.
const STREAM: Source = Source(1);

type Event = DialerEvent<Id, SocketAddr>;

pub(crate) struct Driver {
    me: Id,
    runner: Runner<Recorded, Id, SocketAddr, Running>,
    discovery: Discovery,
    epoch: Epoch,
    /// Whatever is under way: dials, lookups, resolves, handshakes, sessions.
    tasks: JoinSet<Done>,
    status: Status,
    show: watch::Sender<Status>,
}

/// A task, which is aborted when this is dropped.
struct Running(AbortHandle);

/// How a task has ended.
enum Done {
    /// With something for the dialer.
    Answer(Event),
    /// With what came of one address of a dial.
    Tried(DialId, SocketAddr, Result<TcpStream, DialOutcome>),
    /// With an inbound connection.
    Accepted(Id, SocketAddr, TcpStream),
    Resolved(ResolveId, Id, Vec<Enr>),
    Closed(u64),
    /// A stranger has failed to introduce itself.
    Nothing,
}

impl Driver {
    pub(crate) fn new(me: Id, dialer: Recorded, discovery: Discovery, show: watch::Sender<Status>) -> Self {
        let epoch = Epoch::new(Instant::now(), Timestamp::ZERO);
        let (runner, tasks, status) = (Runner::new(dialer), JoinSet::new(), Status::default());
        Self { me, runner, discovery, epoch, tasks, status, show }
    }

    pub(crate) async fn run(mut self, listener: TcpListener, mut stopped: oneshot::Receiver<()>) -> Stats {
        loop {
            let until = self.drain();
            self.show();
            tokio::select! {
                // In this order: records before the answer of the lookup that brought them.
                biased;
                _ = &mut stopped => break,
                Some(record) = self.discovery.discovered() => self.discovered(&record),
                Some(done) = self.tasks.join_next() => {
                    // A task that was aborted is an error here, and has nothing to say.
                    if let Ok(done) = done { self.done(done) }
                }
                Ok((tcp, addr)) = listener.accept() => {
                    let hello = wire::accept(self.me, tcp);
                    self.tasks.spawn(async move {
                        hello.await.map_or(Done::Nothing, |(id, tcp)| Done::Accepted(id, addr, tcp))
                    });
                }
                () = sleep(until) => {
                    self.status.wakeups += 1;
                    self.answer(Event::Tick);
                }
            }
        }
        self.runner.into_dialer().finish().0.stats().clone()
    }

    /// Does what is to be done. Returns until when to wait.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.runner.poll(self.now()) {
                RunnerStep::Connect { dial, id, addr, .. } => {
                    let tcp = wire::dial(self.me, id, addr);
                    self.start(Task::Dial(dial), async move { Done::Tried(dial, addr, tcp.await) });
                }
                RunnerStep::Lookup { lookup, target } => {
                    let query = self.discovery.find(target);
                    self.start(Task::Lookup(lookup), async move {
                        let nodes = query.await.iter().filter_map(discovery::node).collect();
                        Done::Answer(Event::LookupFinished { lookup, nodes })
                    });
                }
                RunnerStep::Resolve { resolve, id } => {
                    let query = self.discovery.find(id);
                    let done = async move { Done::Resolved(resolve, id, query.await) };
                    self.start(Task::Resolve(resolve), done);
                }
                RunnerStep::Close { handle, .. } => drop(handle),
                RunnerStep::Wait(until) => return self.epoch.instant(until?),
            }
        }
    }

    fn done(&mut self, done: Done) {
        let (now, tasks) = (self.now(), &mut self.tasks);
        match done {
            Done::Answer(event) => self.answer(event),
            // A connection that the dialer does not want, or that comes too late, is dropped.
            Done::Tried(dial, addr, Ok(tcp)) => {
                self.runner.connected(now, dial, &addr, |number| session(tasks, number, tcp));
            }
            Done::Tried(dial, addr, Err(outcome)) => self.runner.failed(dial, &addr, outcome),
            Done::Accepted(id, addr, tcp) => {
                let (kind, addr) = (PeerKind::Inbound, Some(addr));
                self.runner.added(now, id, kind, addr, |number| session(tasks, number, tcp));
            }
            Done::Resolved(resolve, id, records) => {
                for record in &records {
                    self.discovery.is_news(record);
                }
                let addrs = self.discovery.address(&id).map(Addrs::from).unwrap_or_default();
                self.answer(Event::ResolveFinished { resolve, addrs });
            }
            Done::Closed(connection) => self.runner.closed(now, connection, RemovalReason::Closed),
            Done::Nothing => {}
        }
    }

    fn discovered(&mut self, record: &Enr) {
        if let Some(node) = discovery::node(record) {
            // The node has signed its record, so an address in it replaces what is known.
            self.answer(Event::NodeDiscovered { node, source: STREAM, vouched: true });
        }
        while let Some(notice) = self.runner.dialer_mut().next_notice() {
            if let Notice::KnownNodeForgotten { id } = notice {
                self.discovery.forget(&id);
            }
        }
    }

    fn start(&mut self, task: Task, work: impl Future<Output = Done> + Send + 'static) {
        let running = Running(self.tasks.spawn(work));
        self.runner.hold(task, running);
    }

    fn now(&self) -> Timestamp {
        self.epoch.timestamp(Instant::now())
    }

    pub(crate) fn tell(&mut self, event: Event) -> Result<(), EventError> {
        self.runner.handle(self.now(), event)
    }

    /// Tells of what the dialer may have no room for. That is counted in its statistics.
    fn answer(&mut self, event: Event) {
        let _ = self.tell(event);
    }

    fn show(&mut self) {
        let dialer = self.runner.dialer().dialer();
        let peer = |peer: dialstate::Peer<_, _>| (peer.id, (peer.kind, peer.addr));
        self.status.peers = dialer.peers().map(peer).collect();
        self.show.send_if_modified(|shown| {
            let changed = *shown != self.status;
            shown.clone_from(&self.status);
            changed
        });
    }
}

fn session(tasks: &mut JoinSet<Done>, connection: u64, tcp: TcpStream) -> Running {
    let session = wire::session(tcp);
    Running(tasks.spawn(async move {
        session.await;
        Done::Closed(connection)
    }))
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}
