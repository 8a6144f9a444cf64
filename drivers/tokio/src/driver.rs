//! The loop around a dialer: one task that owns it, one for each dial, lookup and connection, and a channel.

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::sync::Arc;

use dialstate::driver::{Race, RaceStep, Sessions};
use dialstate::record::{Recorder, Sink};
use dialstate::{
    Addrs, Command, ConnectionId, DialOutcome, Dialer, Epoch, Event, Node, PeerKind, RemovalReason, Task,
};
use rand_chacha::ChaCha8Rng;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

/// The id of a node.
pub type Id = [u8; 32];

/// What the application does. Whatever is aborted is just dropped.
pub trait App: Send + Sync + 'static {
    /// A connection.
    type Stream: Send + 'static;
    /// Connects to an address, and proves that it is this node who answers.
    fn connect(
        &self,
        id: Id,
        addr: SocketAddr,
    ) -> impl Future<Output = Result<Self::Stream, DialOutcome>> + Send;
    /// Finds the addresses of a node.
    fn resolve(&self, id: Id) -> impl Future<Output = Addrs<SocketAddr>> + Send;
    /// Looks for nodes near a target.
    fn lookup(&self, target: [u8; 32]) -> impl Future<Output = Vec<Node<Id, SocketAddr>>> + Send;
    /// Uses a connection until it ends.
    fn session(&self, id: Id, stream: Self::Stream) -> impl Future<Output = RemovalReason> + Send;
    /// The dialer has nothing more to do for now.
    fn rests(&self, dialer: &Dialer<Id, SocketAddr, ChaCha8Rng>);
}

/// What the loop is told by the other tasks.
#[derive(Debug)]
pub enum Told<C> {
    /// The answer to a resolve or lookup, or anything else that the dialer is to know.
    Event(Event<Id, SocketAddr>),
    /// The answer to a dial, with the connection if it has led to one.
    Dialed(Id, PeerKind, Event<Id, SocketAddr>, Option<C>),
    /// An inbound connection, of which `InboundPending` was told.
    Accepted(Id, SocketAddr, ConnectionId, C),
    /// A connection has ended.
    Closed(u64, RemovalReason),
    /// The program ends.
    Stop,
}

/// The dialer of a node, recorded.
pub type Recorded<S> = Recorder<Id, SocketAddr, ChaCha8Rng, S>;

/// A dialer with everything that is open.
#[derive(Debug)]
pub struct Driver<A: App, S> {
    app: Arc<A>,
    dialer: Recorded<S>,
    epoch: Epoch,
    sessions: Sessions<Id, SocketAddr, u64>,
    opened: u64,
    /// All that runs: dropped with the driver, at the latest.
    work: JoinSet<()>,
    tasks: BTreeMap<Task, AbortHandle>,
    connections: BTreeMap<u64, AbortHandle>,
    outbox: UnboundedSender<Told<A::Stream>>,
}

impl<A: App, S: Sink<Id, SocketAddr>> Driver<A, S> {
    /// A driver; `outbox` leads to the `inbox` of [`run`](Self::run).
    pub fn new(app: Arc<A>, dialer: Recorded<S>, outbox: UnboundedSender<Told<A::Stream>>) -> Self {
        let epoch = Epoch::new(Instant::now().into_std(), dialer.dialer().now());
        let (tasks, connections, work) = (BTreeMap::new(), BTreeMap::new(), JoinSet::new());
        Self { app, dialer, epoch, sessions: Sessions::new(), opened: 0, work, tasks, connections, outbox }
    }

    /// Runs until it is told to stop. Closes all connections, and gives up all tasks.
    pub async fn run(mut self, mut inbox: UnboundedReceiver<Told<A::Stream>>) -> Recorded<S> {
        loop {
            let until = self.drain();
            self.app.rests(self.dialer.dialer());
            let told = tokio::select! {
                told = inbox.recv() => told.unwrap_or(Told::Stop),
                () = sleep(until) => Told::Event(Event::Tick),
            };
            match told {
                Told::Event(event) => _ = self.handle(event),
                Told::Dialed(id, kind, answer, stream) => {
                    let addr = if let Event::DialConnected { addr, .. } = &answer { *addr } else { None };
                    self.opened(id, kind, addr, answer, stream);
                }
                Told::Accepted(id, addr, connection, stream) => {
                    let (kind, addr) = (PeerKind::Inbound, Some(addr));
                    self.opened(id, kind, addr, Event::PeerAdded { id, kind, addr }, Some(stream));
                    self.handle(Event::InboundEnded { connection });
                }
                Told::Closed(connection, reason) => {
                    self.connections.remove(&connection);
                    for event in self.sessions.closed(connection, reason) {
                        self.handle(event);
                    }
                }
                Told::Stop => break,
            }
            while self.work.try_join_next().is_some() {}
        }
        self.work.shutdown().await;
        self.dialer
    }

    /// Does what the dialer says. Returns until when it rests.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.dialer.poll() {
                Command::Dial { dial, node, kind, stagger, deadline } => {
                    let now = self.epoch.timestamp(Instant::now().into_std());
                    let race = Race::new(now, dial, node.addrs, stagger, deadline);
                    let epoch = self.epoch;
                    self.begin(Task::Dial(dial), |app| async move {
                        let (answer, stream) = run_race(app, epoch, node.id, race).await;
                        Told::Dialed(node.id, PeerKind::Outbound(kind), answer, stream)
                    });
                }
                Command::Resolve { resolve, id, .. } => {
                    self.begin(Task::Resolve(resolve), move |app| async move {
                        Told::Event(Event::ResolveFinished { resolve, addrs: app.resolve(id).await })
                    })
                }
                Command::Lookup { lookup, target, .. } => {
                    self.begin(Task::Lookup(lookup), move |app| async move {
                        Told::Event(Event::LookupFinished { lookup, nodes: app.lookup(target).await })
                    })
                }
                Command::Cancel(task) => _ = self.tasks.remove(&task).map(|task| task.abort()),
                Command::Disconnect { id, reason } => {
                    let (doomed, answer) = self.sessions.disconnect(id, reason);
                    doomed.into_iter().for_each(|connection| self.close(connection));
                    answer.map(|event| self.handle(event));
                }
                Command::Sleep { until, .. } => {
                    return until.and_then(|at| self.epoch.instant(at)).map(Into::into);
                }
            }
        }
    }

    /// Tells the dialer. Returns whether it wants what the event tells of.
    fn handle(&mut self, event: Event<Id, SocketAddr>) -> bool {
        let result = self.dialer.handle(self.epoch.timestamp(Instant::now().into_std()), event);
        if let Some(error) = result.as_ref().err().filter(|error| !error.is_late()) {
            eprintln!("{error}");
        }
        self.tasks.retain(|_, task| !task.is_finished());
        result.is_ok()
    }

    /// A connection is up, or a dial has failed. What the dialer does not want is dropped, and so closed.
    fn opened(
        &mut self,
        id: Id,
        kind: PeerKind,
        addr: Option<SocketAddr>,
        event: Event<Id, SocketAddr>,
        stream: Option<A::Stream>,
    ) {
        let wanted = self.handle(event);
        let Some(stream) = stream.filter(|_| wanted) else { return };
        self.opened += 1;
        let (connection, app, outbox) = (self.opened, self.app.clone(), self.outbox.clone());
        if let Some(surplus) = self.sessions.opened(id, kind, addr, connection) {
            self.close(surplus);
        }
        let session = self.work.spawn(async move {
            drop(outbox.send(Told::Closed(connection, app.session(id, stream).await)));
        });
        self.connections.insert(connection, session);
    }

    fn close(&mut self, connection: u64) {
        if let Some(session) = self.connections.remove(&connection) {
            session.abort();
        }
    }

    fn begin<F>(&mut self, task: Task, work: impl FnOnce(Arc<A>) -> F)
    where
        F: Future<Output = Told<A::Stream>> + Send + 'static,
    {
        let (work, outbox) = (work(self.app.clone()), self.outbox.clone());
        self.tasks.insert(task, self.work.spawn(async move { drop(outbox.send(work.await)) }));
    }
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => pending().await,
    }
}

/// Runs one dial to its end. The other addresses are given up with it.
async fn run_race<A: App>(
    app: Arc<A>,
    epoch: Epoch,
    id: Id,
    mut race: Race<SocketAddr>,
) -> (Event<Id, SocketAddr>, Option<A::Stream>) {
    let mut dials = JoinSet::new();
    loop {
        match race.next(epoch.timestamp(Instant::now().into_std())) {
            RaceStep::Start(addr) => {
                let app = app.clone();
                dials.spawn(async move { (addr, app.connect(id, addr).await) });
            }
            RaceStep::Wait(until) => tokio::select! {
                Some(Ok((addr, result))) = dials.join_next() => match result {
                    Ok(stream) if race.connected(&addr) => return (race.answer(), Some(stream)),
                    Ok(_) => {}
                    Err(outcome) => race.failed(&addr, outcome),
                },
                () = sleep(until.and_then(|at| epoch.instant(at)).map(Into::into)) => {}
            },
            RaceStep::Finished => return (race.answer(), None),
        }
    }
}
