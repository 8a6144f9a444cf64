//! The tiny handshake: each side says a magic word and its id, the side that dialed first. It stands for one that proves
//! the id with a key.

use std::io::{self, Error, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use dialstate::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};

use crate::Id;

const MAGIC: [u8; 4] = *b"dial";

/// The time that a stranger has for its half of the handshake.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects to one address, where the node `id` is expected.
pub(crate) async fn dial(me: Id, id: Id, addr: SocketAddr) -> Result<TcpStream, DialOutcome> {
    let mut tcp = TcpStream::connect(addr).await.map_err(|error| DialOutcome::from(&error))?;
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

/// Waits until an instant; without one for ever.
pub(crate) async fn sleep(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}
