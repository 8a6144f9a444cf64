//! The driver of a host: events in, commands out, and each command obeyed. It does what the crate's README asks for.

use dialstate::{Addrs, EventError, Source, Task, Timestamp};
use dialstate_proptests::world::{Command, Dialer, Event, Node};

use crate::overlay::{Found, News};
use crate::profiles::Table;
use crate::queue::What;
use crate::sim::Sim;
use crate::world::{self, MILLI, SECOND};

/// Where a node was heard of: from the discovery's table.
const TABLE: Source = Source(1);
/// An interface that is down says so at once.
pub(crate) const AT_ONCE: u64 = MILLI;
/// Asking a node's neighbours for its record takes about so long (a guess).
const RESOLVE: u64 = SECOND;
/// A lookup that finds nobody takes at least so long (geth: an empty table is refreshed first).
const NOTHING_FOUND: u64 = SECOND;

impl Sim<'_> {
    /// Hands in events, drains, and does as told.
    pub(crate) fn hand(&mut self, host: u32, events: impl IntoIterator<Item = Event>) {
        let Some(mut dialer) = self.host(host).dialer.take() else { return };
        for event in events {
            self.tell(host, &mut dialer, event);
        }
        let until = loop {
            let until = loop {
                let command = dialer.poll();
                if let Command::Sleep { until, .. } = command {
                    break until;
                }
                self.obey(host, command);
            };
            if self.news.is_empty() {
                break until;
            }
            for event in std::mem::take(&mut self.news) {
                self.tell(host, &mut dialer, event);
            }
        };
        while dialer.next_notice().is_some() {}
        self.host(host).dialer = Some(dialer);
        self.sleep(host, until);
    }

    fn tell(&mut self, host: u32, dialer: &mut Dialer, event: Event) {
        let now = Timestamp::from_nanos(self.world.place(host).clock.show(self.now));
        match dialer.handle(now, event) {
            // Its deadline was the very instant of the answer.
            Ok(()) | Err(EventError::EndedTask(_)) => {}
            Err(error) => self.fault(host, &format!("refused an event: {error}")),
        }
    }

    /// Something that must never happen.
    pub(crate) fn fault(&mut self, host: u32, what: &str) {
        if self.faults.len() < 20 {
            self.faults.push(format!("{} s: host {host} {what}", self.now / SECOND));
        }
    }

    fn obey(&mut self, host: u32, command: Command) {
        match command {
            Command::Dial { dial, node, kind, stagger, .. } => self.dial(host, dial, &node, kind, stagger),
            Command::Resolve { resolve, id, .. } => {
                let life = self.host(host).life;
                self.measure.resolves(self.now);
                self.host(host).resolves.push((resolve, world::who(&id)));
                self.after(RESOLVE, What::Resolved { host, life });
            }
            Command::Lookup { lookup, target, .. } => {
                self.host(host).lookup = Some(lookup);
                self.look_up(host, world::key(&target));
            }
            Command::Cancel(Task::Dial(dial)) => self.abort(host, dial),
            Command::Cancel(Task::Resolve(resolve)) => {
                self.host(host).resolves.retain(|(asked, _)| *asked != resolve);
            }
            Command::Cancel(Task::Lookup(_)) => self.host(host).lookup = None,
            Command::Disconnect { id, reason } => self.disconnect(host, world::who(&id), reason),
            Command::Sleep { .. } => {}
        }
    }

    fn sleep(&mut self, host: u32, until: Option<Timestamp>) {
        let clock = self.world.place(host).clock;
        let now = self.now;
        let this = self.host(host);
        this.wake = until.map(|until| clock.until(until.as_nanos()).max(now));
        let Some(wake) = this.wake else { return };
        if this.queued.is_none_or(|queued| wake < queued) {
            this.queued = Some(wake);
            let life = this.life;
            self.queue.push(wake, What::Wakes { host, life });
        }
    }

    /// The queued wake may be older than what the dialer wants now.
    pub(crate) fn wakes(&mut self, host: u32, life: u32) {
        let now = self.now;
        if !self.lives(host, life) || self.host(host).queued != Some(now) {
            return;
        }
        let this = self.host(host);
        this.queued = None;
        match this.wake {
            Some(wake) if wake <= now => {
                self.measure.wakes(now);
                self.hand(host, [Event::Tick]);
            }
            Some(wake) => {
                this.queued = Some(wake);
                self.queue.push(wake, What::Wakes { host, life });
            }
            None => {}
        }
    }

    /// A node as a table or a lookup names it.
    pub(crate) fn node(&self, found: Found) -> Node {
        let place = self.world.place(found.who);
        let addr = if found.lie { self.false_address(found.who) } else { place.addr };
        Node::new(place.id, [addr])
    }

    /// Begins a lookup, whose answer comes later.
    fn look_up(&mut self, host: u32, target: u64) {
        let answer = self.search(host, target);
        self.measure.lookups(self.now);
        let least = if answer.nodes.is_empty() { NOTHING_FOUND } else { AT_ONCE };
        let this = self.host(host);
        this.found = answer.nodes;
        this.lookups += 1;
        let count = this.lookups;
        self.after(answer.took.max(least), What::LookedUp { host, count });
    }

    pub(crate) fn looked_up(&mut self, host: u32, count: u32) {
        if self.host(host).lookups != count {
            return;
        }
        let found = std::mem::take(&mut self.host(host).found);
        let nodes: Vec<Node> = found.into_iter().map(|found| self.node(found)).collect();
        if let Some(lookup) = self.host(host).lookup.take() {
            self.hand(host, [Event::LookupFinished { lookup, nodes }]);
        }
    }

    pub(crate) fn resolved(&mut self, host: u32, life: u32) {
        if !self.lives(host, life) || self.host(host).resolves.is_empty() {
            return;
        }
        let (resolve, who) = self.host(host).resolves.remove(0);
        let found = self.is_there(host, who) && self.world.place(who).listed;
        let addrs = if found { Addrs::from(self.world.place(who).addr) } else { Addrs::new() };
        self.hand(host, [Event::ResolveFinished { resolve, addrs }]);
    }

    /// Dialers are told what their discovery tables have learned.
    pub(crate) fn spread(&mut self) {
        while !self.heard.is_empty() {
            for News { host, who, gone } in std::mem::take(&mut self.heard) {
                match self.profile.table {
                    Table::Mirror if gone => {
                        self.hand(host, [Event::NodeForgotten(self.world.place(who).id)]);
                    }
                    Table::Entries | Table::Mirror if !gone => {
                        let event = self.listed(who);
                        self.hand(host, [event]);
                    }
                    Table::Entries | Table::Mirror | Table::Hidden => {}
                }
            }
        }
    }

    /// A node is in the discovery's table: it has answered at its address.
    fn listed(&self, who: u32) -> Event {
        let node = self.node(Found { who, lie: false });
        Event::NodeDiscovered { node, source: TABLE, vouched: true }
    }

    /// What a dialer is told at its start: its address book, and what is in the discovery's table.
    pub(crate) fn first_events(&mut self, host: u32) -> Vec<Event> {
        let mut events = std::mem::take(&mut self.host(host).book);
        if self.profile.table == Table::Hidden {
            return events;
        }
        let known: Vec<u32> = self.overlay.known(host).collect();
        events.extend(known.into_iter().map(|who| self.listed(who)));
        events
    }
}
