//! The tiny handshake: each side says a magic word and its id, the side that dialed first. It stands for one that proves
//! the id with a key.

use std::io::{self, Error, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use dialstate::{AddrOutcome, DialOutcome, Node};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::Id;

/// What became of each address.
pub(crate) type Tried = Vec<AddrOutcome<SocketAddr>>;

const MAGIC: [u8; 4] = *b"dial";

/// The time that a stranger has for its half of the handshake.
const PATIENCE: Duration = Duration::from_secs(5);

/// Dials the addresses of a node, each a little after the one before, until one connects. Returns also what became of each.
pub(crate) async fn race(
    me: Id,
    node: Node<Id, SocketAddr>,
    stagger: Duration,
) -> (Tried, Result<(TcpStream, SocketAddr), DialOutcome>) {
    let mut dials = JoinSet::new();
    for (delay, addr) in node.addrs.staggered(stagger) {
        let (id, addr) = (node.id, *addr);
        dials.spawn(async move {
            sleep(delay).await;
            (addr, dial(me, id, addr).await)
        });
    }
    let (mut tried, mut last) = (Tried::new(), DialOutcome::Unreachable);
    while let Some(ended) = dials.join_next().await {
        let Ok((addr, result)) = ended else { continue };
        last = result.as_ref().err().copied().unwrap_or(DialOutcome::Connected);
        tried.push(AddrOutcome { addr, outcome: last });
        if let Ok(tcp) = result {
            return (tried, Ok((tcp, addr)));
        }
    }
    (tried, Err(last))
}

/// Connects to one address, where the node `id` is expected.
pub(crate) async fn dial(me: Id, id: Id, addr: SocketAddr) -> Result<TcpStream, DialOutcome> {
    let mut tcp = TcpStream::connect(addr).await.map_err(|error| failure(&error))?;
    let hello = async {
        send(&mut tcp, me).await?;
        receive(&mut tcp).await
    };
    match hello.await {
        Ok(found) if found == id => Ok(tcp),
        Ok(_) => Err(DialOutcome::WrongIdentity),
        Err(_) => Err(DialOutcome::HandshakeFailed),
    }
}

/// The handshake on a connection that another node has opened. Returns its id.
pub(crate) async fn accept(me: Id, mut tcp: TcpStream) -> io::Result<(Id, TcpStream)> {
    let hello = async {
        let id = receive(&mut tcp).await?;
        send(&mut tcp, me).await?;
        io::Result::Ok(id)
    };
    let id = timeout(PATIENCE, hello).await.map_err(|_| Error::from(ErrorKind::TimedOut))??;
    Ok((id, tcp))
}

/// Waits until the other side closes the connection. There is no application here that would talk over it.
pub(crate) async fn session(mut tcp: TcpStream) {
    while tcp.read(&mut [0; 64]).await.is_ok_and(|count| count > 0) {}
}

async fn send(tcp: &mut TcpStream, me: Id) -> io::Result<()> {
    tcp.write_all(&MAGIC).await?;
    tcp.write_all(&me).await
}

async fn receive(tcp: &mut TcpStream) -> io::Result<Id> {
    let (mut magic, mut id) = ([0; MAGIC.len()], [0; size_of::<Id>()]);
    tcp.read_exact(&mut magic).await?;
    tcp.read_exact(&mut id).await?;
    if magic == MAGIC { Ok(id) } else { Err(ErrorKind::InvalidData.into()) }
}

/// What a failed `connect` says about the address.
fn failure(error: &Error) -> DialOutcome {
    match error.kind() {
        ErrorKind::ConnectionRefused => DialOutcome::Refused,
        ErrorKind::TimedOut => DialOutcome::TimedOut,
        ErrorKind::AddrNotAvailable | ErrorKind::AddrInUse => DialOutcome::LocalError,
        // "Too many open files" has no kind of its own.
        _ if error.raw_os_error() == Some(24) => DialOutcome::LocalError,
        _ => DialOutcome::Unreachable,
    }
}
