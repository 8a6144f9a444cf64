//! The loop: what happens goes into the dialer, what it commands is done.

use std::collections::HashMap;
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

/// The number of a connection.
type Connection = u64;

type Event = DialerEvent<Id, SocketAddr>;

pub(crate) struct Driver {
    me: Id,
    dialer: Recorded,
    discovery: Discovery,
    epoch: Epoch,
    /// Whatever is under way: dials, lookups, resolves, handshakes, sessions.
    tasks: JoinSet<Done>,
    /// How to abandon what the dialer may cancel.
    running: HashMap<Task, AbortHandle>,
    sessions: Sessions<Id, SocketAddr, Connection>,
    /// How to close a connection.
    open: HashMap<Connection, AbortHandle>,
    count: Connection,
    status: Status,
    show: watch::Sender<Status>,
}

/// How a task has ended.
enum Done {
    /// With something for the dialer.
    Answer(Event),
    /// With a connection, and the event that tells the dialer of it.
    Connected(Event, Id, PeerKind, TcpStream),
    Resolved(ResolveId, Id, Vec<Enr>),
    Closed(Connection),
    /// A stranger has failed to introduce itself.
    Nothing,
}

impl Driver {
    pub(crate) fn new(me: Id, dialer: Recorded, discovery: Discovery, show: watch::Sender<Status>) -> Self {
        Self {
            me,
            dialer,
            discovery,
            epoch: Epoch::new(Instant::now(), Timestamp::ZERO),
            tasks: JoinSet::new(),
            running: HashMap::new(),
            sessions: Sessions::new(),
            open: HashMap::new(),
            count: 0,
            status: Status::default(),
            show,
        }
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
                Ok((tcp, addr)) = listener.accept() => self.accept(tcp, addr),
                () = sleep(until) => {
                    self.status.wakeups += 1;
                    self.answer(Event::Tick);
                }
            }
        }
        self.dialer.finish().0.stats().clone()
    }

    /// Does what the dialer commands. Returns until when to wait.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.dialer.poll() {
                DialerCommand::Dial { dial, node, kind, stagger, deadline } => {
                    let race = Race::new(self.now(), dial, node.addrs, stagger, deadline);
                    let racing = wire::race(self.me, node.id, race, self.epoch);
                    self.start(Task::Dial(dial), async move {
                        match racing.await {
                            (answer, Some(tcp)) => {
                                Done::Connected(answer, node.id, PeerKind::Outbound(kind), tcp)
                            }
                            (answer, None) => Done::Answer(answer),
                        }
                    });
                }
                DialerCommand::Lookup { lookup, target, .. } => {
                    let query = self.discovery.find(target);
                    self.start(Task::Lookup(lookup), async move {
                        let nodes = query.await.iter().filter_map(discovery::node).collect();
                        Done::Answer(Event::LookupFinished { lookup, nodes })
                    });
                }
                DialerCommand::Resolve { resolve, id, .. } => {
                    let query = self.discovery.find(id);
                    self.start(
                        Task::Resolve(resolve),
                        async move { Done::Resolved(resolve, id, query.await) },
                    );
                }
                DialerCommand::Cancel(task) => {
                    self.running.remove(&task).inspect(AbortHandle::abort);
                }
                DialerCommand::Disconnect { id, reason } => self.disconnect(id, reason),
                DialerCommand::Sleep { until, .. } => return self.epoch.instant(until?),
            }
        }
    }

    fn accept(&mut self, tcp: TcpStream, addr: SocketAddr) {
        let hello = wire::accept(self.me, tcp);
        self.tasks.spawn(async move {
            let Ok((id, tcp)) = hello.await else { return Done::Nothing };
            let kind = PeerKind::Inbound;
            Done::Connected(Event::PeerAdded { id, kind, addr: Some(addr) }, id, kind, tcp)
        });
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Answer(event) => self.answer(event),
            Done::Connected(event, id, kind, tcp) => {
                // If it comes too late, the connection is dropped.
                if self.tell(event).is_ok() {
                    self.opened(id, kind, tcp);
                }
            }
            Done::Resolved(resolve, id, records) => {
                for record in &records {
                    self.discovery.is_news(record);
                }
                let addrs = self.discovery.address(&id).map(Addrs::from).unwrap_or_default();
                self.answer(Event::ResolveFinished { resolve, addrs });
            }
            Done::Closed(connection) => {
                self.open.remove(&connection);
                for event in self.sessions.closed(connection, RemovalReason::Closed) {
                    self.answer(event);
                }
            }
            Done::Nothing => {}
        }
        self.running.retain(|_, task| !task.is_finished());
    }

    fn discovered(&mut self, record: &Enr) {
        if let Some(node) = discovery::node(record) {
            // The node has signed its record, so an address in it replaces what is known.
            self.answer(Event::NodeDiscovered { node, source: STREAM, vouched: true });
        }
        while let Some(notice) = self.dialer.next_notice() {
            if let Notice::KnownNodeForgotten { id } = notice {
                self.discovery.forget(&id);
            }
        }
    }

    /// The dialer has taken a connection.
    fn opened(&mut self, id: Id, kind: PeerKind, tcp: TcpStream) {
        self.count += 1;
        let (connection, addr) = (self.count, tcp.peer_addr().ok());
        let session = wire::session(tcp);
        let task = self.tasks.spawn(async move {
            session.await;
            Done::Closed(connection)
        });
        self.open.insert(connection, task);
        if let Some(surplus) = self.sessions.opened(id, kind, addr, connection) {
            self.close(surplus);
        }
    }

    /// The dialer does not want a peer, or one of two connections to it.
    fn disconnect(&mut self, id: Id, reason: DisconnectReason) {
        let (connections, answer) = self.sessions.disconnect(id, reason);
        self.status.duplicates += connections.len() as u64 * u64::from(answer.is_none());
        for connection in connections {
            self.close(connection);
        }
        if let Some(answer) = answer {
            self.answer(answer);
        }
    }

    fn close(&mut self, connection: Connection) {
        self.open.remove(&connection).inspect(AbortHandle::abort);
    }

    fn start(&mut self, task: Task, work: impl Future<Output = Done> + Send + 'static) {
        let handle = self.tasks.spawn(work);
        self.running.insert(task, handle);
    }

    fn now(&self) -> Timestamp {
        self.epoch.timestamp(Instant::now())
    }

    pub(crate) fn tell(&mut self, event: Event) -> Result<(), EventError> {
        self.dialer.handle(self.now(), event)
    }

    /// Tells of something that may come too late. That is harmless, and is counted in the statistics.
    fn answer(&mut self, event: Event) {
        let _ = self.tell(event);
    }

    fn show(&mut self) {
        let peer = |peer: dialstate::Peer<_, _>| (peer.id, (peer.kind, peer.addr));
        self.status.peers = self.dialer.dialer().peers().map(peer).collect();
        self.show.send_if_modified(|shown| {
            let changed = *shown != self.status;
            shown.clone_from(&self.status);
            changed
        });
    }
}
