//! What goes wrong. How messages get lost is decided where they are sent.

use std::time::Duration;

use super::wire::{KEEPALIVE, State};
use super::{Network, What};

/// Faults come about this often.
const EVERY: u64 = 60_000;
/// A clock is never behind what it once said by more than this.
pub(super) const MOST_BEHIND: Duration = Duration::from_secs(60);

/// Something that goes wrong.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// The network is cut in two for a while.
    Cut,
    /// A host goes down and comes back, with what it knew when it last saved that, or with nothing.
    Restart(usize),
    /// A clock goes ahead, by up to ten hours.
    ClockAhead(usize),
    /// It goes back to where it was, or a minute at most.
    ClockBack(usize),
    /// A host moves, and is told.
    Moves(usize),
}

impl Network {
    pub(super) fn schedule_fault(&mut self) {
        let host = self.below(self.hosts.len() as u64) as usize;
        let fault = match self.below(8) {
            0 | 1 => Fault::Cut,
            2..=4 => Fault::Restart(host),
            5 => Fault::ClockAhead(host),
            6 => Fault::ClockBack(host),
            _ => Fault::Moves(host),
        };
        let millis = 1 + self.below(2 * EVERY);
        self.after(Duration::from_millis(millis), What::Fault(fault));
    }

    pub(super) fn goes_wrong(&mut self, fault: Fault) {
        if !self.faults {
            return;
        }
        self.wrongs += 1;
        self.schedule_fault();
        match fault {
            Fault::Cut => self.cut(),
            Fault::Restart(host) => self.restart(host),
            Fault::ClockAhead(host) => {
                let millis = self.below(10 * 3_600_000);
                self.turn(host, |ahead| ahead + Duration::from_millis(millis));
            }
            Fault::ClockBack(host) => {
                let millis = self.below(MOST_BEHIND.as_millis() as u64);
                let told = self.hosts[host].dialer.now().saturating_sub(MOST_BEHIND);
                let least = told.saturating_since(self.now);
                self.turn(host, |ahead| ahead.saturating_sub(Duration::from_millis(millis)).max(least));
            }
            Fault::Moves(host) => self.moves(host),
        }
    }

    /// Connections across the cut die, and either end sees it in its own time.
    fn cut(&mut self) {
        let sides: Vec<bool> = (0..self.hosts.len()).map(|_| self.below(2) == 0).collect();
        self.cut = Some(sides);
        for connection in 0..self.connections.len() {
            let [from, to] = self.connections[connection].ends;
            if self.is_cut(from, to) {
                self.dies(connection);
            }
        }
        let millis = self.below(10 * EVERY);
        self.after(Duration::from_millis(millis), What::Heals);
    }

    fn dies(&mut self, connection: usize) {
        for side in 0..2 {
            if matches!(self.connections[connection].state[side], State::Pending | State::Up) {
                let millis = self.below(KEEPALIVE.as_millis() as u64);
                self.after(Duration::from_millis(millis), What::Closed { connection, side });
            }
        }
        let state = &mut self.connections[connection].state[1];
        if *state == State::Unseen {
            *state = State::Closed;
        }
    }

    fn restart(&mut self, host: usize) {
        if !self.hosts[host].up {
            return;
        }
        // It may have known that it would.
        if self.below(2) == 0 {
            self.save(host);
        }
        self.hosts[host].up = false;
        for connection in self.hosts[host].live.clone() {
            let side = self.connections[connection].side(host);
            self.close(connection, side);
        }
        let millis = self.below(120_000);
        self.after(Duration::from_millis(millis), What::Boots(host));
    }

    /// A clock is set, and the driver's timer looks at it.
    fn turn(&mut self, host: usize, clock: impl Fn(Duration) -> Duration) {
        let this = &mut self.hosts[host];
        let asked = this.wake.map(|wake| wake.saturating_add(this.ahead));
        this.ahead = clock(this.ahead);
        if let (Some(asked), true) = (asked, this.up) {
            let (life, wake) = (this.life, asked.saturating_sub(this.ahead).max(self.now));
            this.wake = Some(wake);
            self.at(wake, What::Wakes { host, life });
        }
    }

    /// All connections of the host die, at its own end at once.
    fn moves(&mut self, host: usize) {
        if !self.hosts[host].up {
            return;
        }
        for connection in self.hosts[host].live.clone() {
            let side = self.connections[connection].side(host);
            if self.connections[connection].state[side] == State::Up {
                self.at(self.now, What::Closed { connection, side });
                self.after(KEEPALIVE, What::Closed { connection, side: 1 - side });
            }
        }
        self.hand(host, vec![crate::world::Event::NetworkChanged]);
    }
}
