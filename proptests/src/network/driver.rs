//! The driver of a host: events in, commands out, and each command obeyed.

use dialstate::{BanSubject, Change, DisconnectReason, EventError, Task, Timestamp};

use super::{Network, What};
use crate::world::{Command, Event};

/// Commands in one drain; more is a drain without an end.
const MOST_COMMANDS: usize = 2_000;

impl Network {
    /// Hands in events, drains, does as told, and checks.
    pub(super) fn hand(&mut self, host: usize, events: Vec<Event>) {
        self.hosts[host].count_drain(self.now);
        let last = events.last().cloned();
        let mut taken = true;
        for event in events {
            taken = self.tell(host, event);
        }
        let mut commands = Vec::new();
        if let Some(transcript) = &mut self.transcript {
            transcript.note(&format!("host {host}"));
        }
        while !matches!(commands.last(), Some(Command::Sleep { .. })) {
            assert!(commands.len() < MOST_COMMANDS, "a drain without an end at host {host}");
            commands.push(self.hosts[host].dialer.poll());
        }
        while let Some(notice) = self.hosts[host].dialer.next_notice() {
            if let Some(transcript) = &mut self.transcript {
                transcript.notice(&notice);
            }
        }
        if let Some(transcript) = &mut self.transcript {
            commands.iter().for_each(|command| transcript.command(command));
        }
        // What is closed is news, which leads to another drain: first comes all that was asked for.
        let news: Vec<Event> = commands.into_iter().flat_map(|command| self.obey(host, command)).collect();
        let crossed = &self.hosts[host].tasks.crossed;
        assert!(
            crossed.is_empty(),
            "host {host} refused the answers to {crossed:?}, and cancelled none of them"
        );
        if let Some(Event::DialRequested(id)) = last.filter(|_| taken) {
            self.check_request(host, id);
        }
        if news.is_empty() { self.check(host) } else { self.hand(host, news) }
    }

    /// Hands in one event. Returns whether it was accepted.
    fn tell(&mut self, host: usize, event: Event) -> bool {
        if let Some(name) = name(&event) {
            self.note(name);
        }
        let this = &mut self.hosts[host];
        let now = this.clock(self.now);
        this.rules.note(&event);
        let result = this.dialer.handle(now, event.clone());
        if let Some(transcript) = &mut self.transcript {
            transcript.event(now, &event, &result);
        }
        if let (Err(EventError::NotDialable(refusal)), Event::DialRequested(id)) = (&result, &event) {
            self.check_refusal(host, *id, *refusal);
            self.note("refused request");
            return false;
        }
        // Its peer, or a deadline that has come meanwhile, may have ended a dial that is just being answered.
        let answers = match &event {
            Event::DialFinished { dial, .. } | Event::DialConnected { dial, .. } => Some(*dial),
            _ => None,
        };
        if let (Err(EventError::EndedTask(_)), Some(dial)) = (&result, answers) {
            self.hosts[host].tasks.crossed.insert(dial);
            return true;
        }
        assert!(result.is_ok(), "{result:?} at host {host}: {event:?}");
        true
    }

    /// Does as told. Returns what there is to tell at once.
    fn obey(&mut self, host: usize, command: Command) -> Vec<Event> {
        let life = self.hosts[host].life;
        match command {
            Command::Dial { dial, node, kind, .. } => {
                self.note(format!("dial {kind:?}"));
                self.check_dial(host, &node, kind);
                self.hosts[host].tasks.owed.remove(&node.id);
                self.connect(host, dial, kind, &node);
            }
            Command::Resolve { resolve, id, .. } => {
                self.hosts[host].tasks.owed.remove(&id);
                self.hosts[host].tasks.resolves.insert(resolve, id);
                let delay = self.latency();
                if !self.bad_luck(8) {
                    self.after(delay, What::Resolved { host, life, resolve });
                }
            }
            Command::Lookup { lookup, .. } => {
                let old = self.hosts[host].tasks.lookup.replace(lookup);
                assert_eq!(old, None, "two lookups at once");
                let delay = self.latency();
                if !self.bad_luck(8) {
                    self.after(delay, What::LookedUp { host, life, lookup });
                }
            }
            Command::Cancel(task) => self.cancel(host, task),
            Command::Disconnect { id, reason } => {
                self.note(match reason {
                    DisconnectReason::Duplicate { .. } => "disconnect Duplicate".to_owned(),
                    _ => format!("disconnect {reason:?}"),
                });
                return self.disconnect(host, id, reason);
            }
            Command::Sleep { until, .. } => self.sleep(host, until),
        }
        Vec::new()
    }

    fn cancel(&mut self, host: usize, task: Task) {
        let tasks = &mut self.hosts[host].tasks;
        let known = match task {
            Task::Dial(dial) => {
                if tasks.orphans.remove(&dial).is_some() {
                    self.note("orphan cancelled");
                } else if !tasks.crossed.remove(&dial) {
                    self.abort(host, dial);
                }
                true
            }
            Task::Resolve(resolve) => tasks.resolves.remove(&resolve).is_some(),
            Task::Lookup(lookup) => tasks.lookup.take() == Some(lookup),
        };
        assert!(known, "host {host} cancels {task:?}, which is not under way");
    }

    fn sleep(&mut self, host: usize, until: Option<Timestamp>) {
        self.check_sleep(host, until);
        let this = &mut self.hosts[host];
        let life = this.life;
        this.wake = until.map(|until| until.saturating_sub(this.ahead).max(self.now));
        if let Some(wake) = this.wake {
            self.at(wake, What::Wakes { host, life });
        }
    }
}

/// What is told of an event in the count of what was seen, if anything.
const fn name(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::Banned { subject: BanSubject::Id(_), .. } => "ban of an id",
        Event::Banned { subject: BanSubject::Network(_), .. } => "ban of a network",
        Event::Unbanned(_) => "ban lifted",
        Event::Reconfigured(Change::DynamicTarget(_)) => "target",
        Event::Reconfigured(Change::MaxActiveDials(_)) => "active dials",
        Event::Reconfigured(Change::Restrict(_)) => "restrict list",
        Event::Reconfigured(Change::Bootnodes(_)) => "bootnodes",
        Event::StaticRemoved(_) => "static node removed",
        Event::DialRequested(_) => "request",
        Event::NodeForgotten(_) => "node forgotten",
        Event::NodeRestored(_) => "node restored",
        _ => return None,
    })
}
