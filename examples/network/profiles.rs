//! The profiles that are compared, in one list. A further one is one more entry.

use dialstate_proptests::world::{Config, Node};

use crate::world::{KNOWN_GOOD, KNOWN_OTHERS, TARGET};

/// A profile: its config, and what its original's surroundings do, which the driver has to do here.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    config: fn() -> Config,
    /// What it is told of the discovery's table.
    pub(crate) table: Table,
    /// The address book is kept over a restart. (The discovery's table always is: geth has a node database.)
    pub(crate) keeps_book: bool,
    /// It is told of both connections where both sides have dialed, and says which to close. Otherwise the handshake
    /// refuses the second one, as geth's does.
    pub(crate) breaks_ties: bool,
    /// It never has more dialed peers than its target.
    pub(crate) keeps_target: bool,
}

/// What a profile is told of the discovery's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    /// Who enters it. The dialer keeps an address book of its own.
    Entries,
    /// Who enters it, and who leaves it: known nodes are those in the table, and no others. geth's `dialstate` reads random
    /// nodes from there.
    Mirror,
    /// Nothing: its candidates are what its lookups find. geth's dial scheduler reads an iterator over random lookups.
    Hidden,
}

pub(crate) const PROFILES: [Profile; 3] = [
    Profile {
        name: "classic",
        config: Config::classic,
        table: Table::Mirror,
        keeps_book: false,
        breaks_ties: false,
        keeps_target: true,
    },
    Profile {
        name: "scheduler",
        config: Config::scheduler,
        table: Table::Hidden,
        keeps_book: false,
        breaks_ties: false,
        keeps_target: false,
    },
    Profile {
        name: "balanced",
        config: Config::balanced,
        table: Table::Entries,
        keeps_book: true,
        breaks_ties: true,
        keeps_target: true,
    },
];

impl Profile {
    /// The config of one dialer in this world.
    pub(crate) fn config(&self, bootnodes: Vec<Node>) -> Config {
        let mut config = (self.config)();
        config.dynamic_target = TARGET;
        config.bootnodes = bootnodes;
        config.limits.good = KNOWN_GOOD;
        config.limits.others = KNOWN_OTHERS;
        config.limits.lookup_buffer = KNOWN_GOOD + KNOWN_OTHERS;
        config
    }
}
