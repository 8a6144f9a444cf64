//! What operators do: bans, other limits, lists and static nodes, requests.

use std::net::SocketAddr;
use std::time::Duration;

use dialstate::{BanSubject, Change, Timestamp};
use ipnet::IpNet;

use super::{Network, What};
use crate::world::{Event, Id, Node};

/// Some operator does something about this often.
const EVERY: u64 = 20_000;
/// Bans last for a power of two of seconds, this at the most.
const BAN_DOUBLINGS: u64 = 10;
/// The longest ban that ends by itself.
pub(super) const LONGEST_BAN: Duration = Duration::from_secs(1 << BAN_DOUBLINGS);

impl Network {
    pub(super) fn schedule_orders(&mut self) {
        let millis = 1 + self.below(2 * EVERY);
        self.after(Duration::from_millis(millis), What::Orders);
    }

    /// An operator does one thing, or a few at once.
    pub(super) fn orders(&mut self) {
        if !self.faults {
            return;
        }
        self.schedule_orders();
        let host = self.below(self.hosts.len() as u64) as usize;
        if !self.hosts[host].up {
            return;
        }
        let count = [1, 1, 1, 3][self.below(4) as usize];
        let events = (0..count).map(|_| self.order(host)).collect();
        self.hand(host, events);
    }

    fn order(&mut self, host: usize) -> Event {
        let count = self.hosts.len();
        let other = (host + 1 + self.below(count as u64 - 1) as usize) % count;
        let id = self.hosts[other].id;
        match self.below(18) {
            0..=2 => Event::Banned { subject: BanSubject::Id(id), until: self.end_of_ban(host) },
            3..=5 => {
                let subject = BanSubject::Network(self.around(other));
                Event::Banned { subject, until: self.end_of_ban(host) }
            }
            6 | 7 => Event::Unbanned(self.some_ban(host).unwrap_or(BanSubject::Id(id))),
            8 | 9 => Event::Reconfigured(Change::DynamicTarget([0, 1, 2, 4, 8, 16][self.below(6) as usize])),
            10 => Event::Reconfigured(Change::MaxActiveDials([1, 2, 16][self.below(3) as usize])),
            11 | 12 => Event::Reconfigured(Change::Restrict(self.some_list())),
            13 => Event::Reconfigured(Change::Bootnodes(self.some_nodes(host))),
            14 => {
                self.hosts[host].fixed.insert(other);
                Event::StaticAdded(self.hosts[other].node())
            }
            15 => {
                self.hosts[host].fixed.remove(&other);
                Event::StaticRemoved(id)
            }
            16 => Event::DialRequested(id),
            _ => Event::NodeForgotten(id),
        }
    }

    /// Most bans end by themselves, short ones as often as long ones.
    fn end_of_ban(&mut self, host: usize) -> Option<Timestamp> {
        let span = Duration::from_secs(1 << self.below(BAN_DOUBLINGS + 1));
        let ends = self.below(8) > 0;
        ends.then(|| self.hosts[host].clock(self.now).saturating_add(span))
    }

    /// The network of a host alone, or with its neighbours.
    fn around(&mut self, host: usize) -> IpNet {
        let SocketAddr::V4(addr) = self.hosts[host].addr else { unreachable!("all addresses are IPv4") };
        let prefix = 13 + self.below(5) as u8;
        IpNet::new((*addr.ip()).into(), prefix).expect("a short prefix").trunc()
    }

    fn some_ban(&mut self, host: usize) -> Option<BanSubject<Id>> {
        let bans: Vec<_> = self.hosts[host].rules.subjects().collect();
        let chosen = self.below(bans.len().max(1) as u64) as usize;
        bans.get(chosen).copied()
    }

    /// Everybody, most hosts, or nobody.
    fn some_list(&mut self) -> Option<Vec<IpNet>> {
        match self.below(8) {
            0..=3 => None,
            4 => Some(Vec::new()),
            _ => {
                let mut list: Vec<IpNet> = (0..self.hosts.len()).map(|host| self.around(host)).collect();
                list.retain(|_| self.below(4) > 0);
                Some(list)
            }
        }
    }

    fn some_nodes(&mut self, host: usize) -> Vec<Node> {
        let count = self.below(3);
        let mut chosen: Vec<usize> =
            (0..count).map(|_| self.below(self.hosts.len() as u64) as usize).collect();
        chosen.retain(|other| *other != host);
        chosen.into_iter().map(|other| self.hosts[other].node()).collect()
    }

    /// The operator takes everything back that does not end by itself.
    pub(super) fn calm(&self, host: usize) -> Vec<Event> {
        self.hosts[host].rules.undone(&self.hosts[host].config)
    }
}
