//! A scenario: a world, the figures that count in it, and their limits.

use std::fmt;

use dialstate::Timestamp;

use super::log::Figure;
use super::mesh::Mesh;
use super::script::Script;
use crate::world::NetConfig;

/// Which run of several has to keep a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The one in the middle.
    Median,
    /// All of them.
    Worst,
}

/// How good a figure has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// This much or less.
    AtMost(f64),
    /// This much or more.
    AtLeast(f64),
    /// So many times what the same profile needs in the scenario's reference world, or less.
    Times(f64),
}

/// One target of a scenario.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// What is measured.
    pub figure: Figure,
    /// How good it has to be.
    pub limit: Limit,
    /// In which of the runs.
    pub of: Of,
}

/// When a run ends at the latest, and what ends it before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// With the first peer; if there never is one, then.
    First(Timestamp),
    /// When the target is reached; if it never is, then.
    Full(Timestamp),
    /// Then.
    At(Timestamp),
}

/// A world for each seed.
pub enum Setting {
    /// A dialer in the world of a script.
    Script(Box<dyn Fn(u64) -> Script>),
    /// The dialer of `examples/simulate` in its network.
    Day(Box<dyn Fn(u64) -> NetConfig>),
    /// Many dialers that know each other.
    Mesh(Mesh),
}

/// One row of the table.
#[derive(Debug)]
pub struct Scenario {
    /// Its name, which stays: the number of the row, and which variant.
    pub name: String,
    /// What it is, in a line.
    pub about: String,
    /// What the dialer lives in.
    pub setting: Setting,
    /// The same without what makes it hard, for limits that are relative.
    pub reference: Option<Setting>,
    /// From which instant on times count.
    pub since: Timestamp,
    /// When a run ends.
    pub stop: Stop,
    /// What has to be reached.
    pub goals: Vec<Goal>,
    /// What is feasible by a formula, where it isn't what the oracle finds.
    pub feasible: Vec<(Figure, f64)>,
    /// Whether the oracle is asked at all: where nothing tells nodes from each other, what it knows is worth too much.
    pub oracle: bool,
}

impl Scenario {
    /// A scenario in the world of a script, in which times count from the start, and which lasts for an hour.
    pub fn new(
        name: impl Into<String>,
        about: impl Into<String>,
        script: impl Fn(u64) -> Script + 'static,
    ) -> Self {
        Self::of(name, about, Setting::Script(Box::new(script)))
    }

    /// A scenario in any world.
    pub fn of(name: impl Into<String>, about: impl Into<String>, setting: Setting) -> Self {
        Self {
            name: name.into(),
            about: about.into(),
            setting,
            reference: None,
            since: Timestamp::ZERO,
            stop: Stop::Full(Timestamp::from_secs(3_600)),
            goals: Vec::new(),
            feasible: Vec::new(),
            oracle: true,
        }
    }

    /// The same world without what makes it hard.
    #[must_use]
    pub fn reference(mut self, script: impl Fn(u64) -> Script + 'static) -> Self {
        self.reference = Some(Setting::Script(Box::new(script)));
        self
    }

    /// Times count from here on.
    #[must_use]
    pub const fn since(mut self, since: Timestamp) -> Self {
        self.since = since;
        self
    }

    /// When a run ends.
    #[must_use]
    pub const fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// A target that all runs have to keep.
    #[must_use]
    pub fn goal(mut self, figure: Figure, limit: Limit) -> Self {
        self.goals.push(Goal { figure, limit, of: Of::Worst });
        self
    }

    /// A target that the run in the middle has to keep.
    #[must_use]
    pub fn median(mut self, figure: Figure, limit: Limit) -> Self {
        self.goals.push(Goal { figure, limit, of: Of::Median });
        self
    }

    /// The target that most have.
    #[must_use]
    pub fn full_within(self, seconds: f64) -> Self {
        self.goal(Figure::Full, Limit::AtMost(seconds))
    }

    /// What is feasible by a formula.
    #[must_use]
    pub fn formula(mut self, figure: Figure, value: f64) -> Self {
        self.feasible.push((figure, value));
        self
    }

    /// Nobody can know here what the oracle would.
    #[must_use]
    pub const fn without_oracle(mut self) -> Self {
        self.oracle = false;
        self
    }

    /// The row of the table, which is the number that the name begins with.
    #[must_use]
    pub fn row(&self) -> u32 {
        let digits = self.name.split(|c: char| !c.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }

    /// When a run ends at the latest.
    #[must_use]
    pub const fn end(&self) -> Timestamp {
        let (Stop::First(end) | Stop::Full(end) | Stop::At(end)) = self.stop;
        end
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Script(_) => "Script",
            Self::Day(_) => "Day",
            Self::Mesh(_) => "Mesh",
        })
    }
}
