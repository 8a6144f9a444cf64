//! How well a dialer decides: small worlds in simulated time, the figures that count in each, and what is feasible there.
//!
//! | file | what lives there |
//! |---|---|
//! | `script.rs` | what a world is like: hosts, our uplink, lookups, what is said without being asked |
//! | `scripted.rs` | the world of a script, as the simulator plays it |
//! | `mesh.rs` | many dialers that ask each other for nodes |
//! | `oracle.rs` | the dialer that knows beforehand how each dial would go: what is feasible |
//! | `log.rs` | what is seen of a dialer, and the figures that are read from it |
//! | `scenario.rs` | a world, its figures, and their limits |
//! | `run.rs` | from a scenario, a profile and seeds to a row of the table |
//! | `rows/` | the scenarios, one file for each kind of trouble; each is a function of its numbers, so a variant is a line |
//! | `day.rs`, `before.rs` | the network of `examples/simulate`, and how many dials it once took |
//!
//! `examples/decisions` prints the table, and the test `decisions` holds the targets.

mod before;
mod day;
mod log;
mod mesh;
mod oracle;
mod rows;
mod run;
mod scenario;
mod script;
mod scripted;

pub use log::{Figure, Log};
pub use mesh::{Knows, Mesh, Outcome};
pub use oracle::{Foresight, Oracle};
pub use rows::scenarios;
pub use run::{Depth, Figures, Judged, Profile, Row, Spread, feasible, row};
pub use scenario::{Goal, Limit, Of, Scenario, Setting, Stop};
pub use script::{Act, Hosts, Lookups, Outage, Script, Wrong};
pub use scripted::Scripted;

use crate::world::Config;

/// Who is compared.
pub const PROFILES: [Profile; 3] = [
    Profile { name: "classic", config: Config::classic },
    Profile { name: "scheduler", config: Config::scheduler },
    Profile { name: "balanced", config: Config::balanced },
];
