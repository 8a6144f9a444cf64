//! The table for people, and the lines for programs.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, presets};
use dialstate_proptests::decisions::{Figure, Figures, Judged, Limit, Of, Row, Scenario, Spread};
use serde_json::{Map, Value, json};

/// What every row shows.
const USUAL: [Figure; 3] = [Figure::FirstPeer, Figure::Full, Figure::Dials];

/// The rows so far.
pub(crate) struct Table {
    table: comfy_table::Table,
    /// The figure that is shown beside the usual ones.
    other: Option<Figure>,
    kept: BTreeMap<&'static str, (u32, u32)>,
}

impl Table {
    pub(crate) fn new() -> Self {
        let mut table = comfy_table::Table::new();
        table.load_preset(presets::UTF8_BORDERS_ONLY);
        table.set_header(["scenario", "", "first peer, s", "full, s", "dials", "", "target", "kept"]);
        for column in table.column_iter_mut().skip(2).take(3) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        Self { table, other: None, kept: BTreeMap::new() }
    }

    /// What a profile did; `first`: of several in the same scenario.
    pub(crate) fn add(&mut self, scenario: &Scenario, row: &Row, first: bool) {
        self.other = scenario.goals.iter().map(|goal| goal.figure).find(|figure| !USUAL.contains(figure));
        let spread = |figure: &Figure| row.figures.get(figure).map_or(String::new(), both);
        let [first_peer, full, dials] = USUAL.each_ref().map(spread);
        let other = self.other.filter(|other| row.figures.contains_key(other));
        let other = other.map_or(String::new(), |other| format!("{}: {}", label(other), spread(&other)));
        let name = if first { scenario.name.as_str() } else { "" };
        let targets: Vec<_> = row.goals.iter().map(target).collect();
        let (holds, of) = self.kept.entry(row.profile).or_default();
        *holds += u32::from(row.holds());
        *of += 1;
        let verdict = if row.holds() { "yes" } else { "no" };
        let targets = targets.join(", ");
        self.table.add_row([name, row.profile, &first_peer, &full, &dials, &other, &targets, verdict]);
    }

    /// What is feasible in the scenario of the last rows.
    pub(crate) fn feasible(&mut self, best: &Figures) {
        let value = |figure: &Figure| best.get(figure).map_or(String::new(), |value| number(*value));
        let [first_peer, full, dials] = USUAL.each_ref().map(value);
        let other = self.other.filter(|other| best.contains_key(other));
        let other = other.map_or(String::new(), |other| format!("{}: {}", label(other), value(&other)));
        self.table.add_row(["", "feasible", &first_peer, &full, &dials, &other, "", ""]);
    }

    pub(crate) fn finish(&self, seeds: &[u64]) -> String {
        let head = format!(
            "In {} worlds each: the median, and the worst behind a slash. Times count from the start, or from the end of \
             the trouble.\n",
            seeds.len()
        );
        let kept = self
            .kept
            .iter()
            .map(|(name, (holds, of))| format!("{name}: {holds} of {of} scenarios keep their targets"));
        [head, self.table.trim_fmt()].into_iter().chain(kept).collect::<Vec<_>>().join("\n")
    }
}

fn label(figure: Figure) -> &'static str {
    match figure {
        Figure::FirstPeer => "first peer",
        Figure::Full => "full",
        Figure::Dials => "dials",
        Figure::DialsToBefore => "dials to before",
        Figure::FirstDial => "first dial, s",
        Figure::Peers => "peers",
        Figure::Honest => "honest",
        Figure::Redial => "redial, s",
    }
}

fn target(judged: &Judged) -> String {
    let goal = &judged.goal;
    let sign = if matches!(goal.limit, Limit::AtLeast(_)) { "≥" } else { "≤" };
    // The limit is of the worst run, where nothing else is said.
    let of = if goal.of == Of::Median { "median " } else { "" };
    format!("{of}{} {sign} {}", label(goal.figure), number(judged.limit))
}

fn both(spread: &Spread) -> String {
    let (median, worst) = (number(spread.median), number(spread.worst));
    if median == worst { median } else { format!("{median} / {worst}") }
}

fn number(value: f64) -> String {
    match value {
        _ if value.is_infinite() => "never".to_owned(),
        _ if value.fract() == 0.0 || value >= 1_000.0 => format!("{value:.0}"),
        _ if value < 10.0 => format!("{value:.2}"),
        _ => format!("{value:.1}"),
    }
}

/// One row as a JSON object on one line. What never came to be is null.
pub(crate) fn json(scenario: &Scenario, row: &Row, best: &Figures, seeds: &[u64]) -> Value {
    let mut object = Map::new();
    object.insert("scenario".to_owned(), scenario.name.as_str().into());
    object.insert("row".to_owned(), scenario.row().into());
    object.insert("about".to_owned(), scenario.about.as_str().into());
    object.insert("profile".to_owned(), row.profile.into());
    object.insert("seeds".to_owned(), json!(seeds));
    object.insert("since_s".to_owned(), rounded(scenario.since.as_millis() as f64 / 1_000.0));
    for (figure, spread) in &row.figures {
        let spread = json!({ "median": rounded(spread.median), "worst": rounded(spread.worst) });
        object.insert(figure.key().to_owned(), spread);
    }
    let best = best.iter().map(|(figure, value)| (figure.key().to_owned(), rounded(*value)));
    object.insert("feasible".to_owned(), Value::Object(best.collect()));
    object.insert("target".to_owned(), row.goals.iter().map(json_target).collect());
    object.insert("holds".to_owned(), row.holds().into());
    Value::Object(object)
}

fn json_target(judged: &Judged) -> Value {
    let goal = &judged.goal;
    let bound = if matches!(goal.limit, Limit::AtLeast(_)) { "at_least" } else { "at_most" };
    let of = if goal.of == Of::Median { "median" } else { "worst" };
    json!({ "figure": goal.figure.key(), bound: rounded(judged.limit), "of": of, "holds": judged.holds })
}

fn rounded(value: f64) -> Value {
    if value.is_finite() { json!((value * 1_000.0).round() / 1_000.0) } else { Value::Null }
}
