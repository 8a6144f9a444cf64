//! The connections of each peer.

use std::collections::BTreeSet;

use dialstate::driver::Sessions;
use dialstate::{DisconnectReason, Event, PeerKind, RemovalReason, Side};
use proptest::prelude::*;

use super::Id;

#[derive(Clone, Copy, Debug)]
enum Act {
    Open(u8, PeerKind, u8),
    Close(u8),
    Disconnect(u8, Option<Side>),
}

fn act() -> impl Strategy<Value = Act> {
    let kind = prop::sample::select(vec![PeerKind::Inbound, PeerKind::External]);
    let close = prop::sample::select(vec![None, Some(Side::Inbound), Some(Side::Outbound)]);
    prop_oneof![
        4 => (0u8..3, kind, 0u8..24).prop_map(|(id, kind, connection)| Act::Open(id, kind, connection)),
        3 => (0u8..24).prop_map(Act::Close),
        1 => (0u8..3, close).prop_map(|(id, close)| Act::Disconnect(id, close)),
    ]
}

/// All connections in the order of their opening: whose, which side's, which.
#[derive(Debug, Default)]
struct Naive(Vec<(u8, PeerKind, u8)>);

impl Naive {
    fn of(&self, id: u8, kind: PeerKind) -> Vec<u8> {
        self.0.iter().filter(|one| (one.0, one.1) == (id, kind)).map(|one| one.2).collect()
    }

    fn close(&mut self, connection: u8) {
        self.0.retain(|one| one.2 != connection);
    }

    fn is_peer(&self, id: u8) -> bool {
        self.0.iter().any(|one| one.0 == id)
    }
}

proptest! {
    #[test]
    fn sessions_do_as_a_naive_list(acts in prop::collection::vec(act(), 0..80)) {
        let mut sessions: Sessions<Id, u8, u8> = Sessions::new();
        let mut naive = Naive::default();
        for act in acts {
            match act {
                Act::Open(id, kind, connection) => {
                    naive.close(connection);
                    naive.0.push((id, kind, connection));
                    let same = naive.of(id, kind);
                    let surplus = same.first().filter(|_| same.len() > 4).copied();
                    surplus.iter().for_each(|surplus| naive.close(*surplus));
                    prop_assert_eq!(sessions.opened([id], kind, Some(connection), connection), surplus);
                }
                Act::Close(connection) => {
                    let one = naive.0.iter().copied().find(|one| one.2 == connection);
                    naive.close(connection);
                    let expected = match one {
                        Some((id, ..)) if !naive.is_peer(id) => {
                            vec![Event::PeerRemoved { id: [id], reason: RemovalReason::Closed }]
                        }
                        Some((id, kind, _)) if naive.of(id, kind).is_empty() => {
                            let other = naive.0.iter().find(|one| one.0 == id).expect("the other side's");
                            let added = Event::PeerAdded { id: [id], kind: other.1, addr: Some(other.2) };
                            vec![Event::PeerRemoved { id: [id], reason: RemovalReason::Local }, added]
                        }
                        _ => Vec::new(),
                    };
                    prop_assert_eq!(sessions.closed(connection, RemovalReason::Closed), expected);
                }
                Act::Disconnect(id, Some(close)) => {
                    let (gone, stays) = match close {
                        Side::Inbound => (PeerKind::Inbound, PeerKind::External),
                        Side::Outbound => (PeerKind::External, PeerKind::Inbound),
                    };
                    let doomed = if naive.of(id, stays).is_empty() { vec![] } else { naive.of(id, gone) };
                    doomed.iter().for_each(|connection| naive.close(*connection));
                    let told = sessions.disconnect([id], DisconnectReason::Duplicate { close });
                    prop_assert_eq!(told, (doomed, None));
                }
                Act::Disconnect(id, None) => {
                    let doomed: Vec<u8> = naive.0.iter().filter(|one| one.0 == id).map(|one| one.2).collect();
                    naive.0.retain(|one| one.0 != id);
                    let gone = Event::PeerRemoved { id: [id], reason: RemovalReason::Local };
                    prop_assert_eq!(sessions.disconnect([id], DisconnectReason::OverTarget), (doomed, Some(gone)));
                }
            }
            let connections: BTreeSet<u8> = naive.0.iter().map(|one| one.2).collect();
            prop_assert!(sessions.connections().eq(connections));
            for id in 0..3 {
                let first = naive.0.iter().find(|one| one.0 == id).map(|one| one.2);
                prop_assert_eq!(sessions.get(&[id]), first);
                prop_assert_eq!(first.and_then(|first| sessions.owner(first)), first.map(|_| [id]));
            }
            prop_assert_eq!(sessions.peers().count(), sessions.len());
        }
    }
}
