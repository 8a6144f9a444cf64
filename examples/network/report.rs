//! The report: Markdown for people, and JSON, one object per scenario and profile.

use serde_json::{Number, Value, json};

use crate::figures::{Figure, Unit};
use crate::profiles::Profile;
use crate::run::{Run, merge};
use crate::scenario::Scenario;

/// All runs of a scenario.
#[derive(Debug)]
pub(crate) struct Chapter<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) nodes: u32,
    pub(crate) seeds: &'a [u64],
    /// Of each profile, one per seed.
    pub(crate) runs: Vec<(&'static Profile, Vec<&'a Run>)>,
}

impl Chapter<'_> {
    /// One line per profile. The keys of the figures come first, in their order.
    pub(crate) fn json(&self) -> Vec<String> {
        self.runs.iter().map(|(profile, runs)| self.object(profile, runs)).collect()
    }

    fn object(&self, profile: &Profile, runs: &[&Run]) -> String {
        let figures: Vec<Figure> = merge(runs).into_iter().map(|(figure, _)| figure).collect();
        let mut fields = vec![("profile", json!(profile.name))];
        fields.extend(figures.iter().map(|figure| (figure.key, number(figure, figure.value))));
        let best = figures.iter().filter_map(|figure| Some((figure.key, number(figure, figure.best?.0))));
        let best = object(&best.collect::<Vec<_>>());
        let faults: Vec<&String> = runs.iter().flat_map(|run| &run.faults).collect();
        fields.push(("scenario", json!(self.scenario.name)));
        fields.push(("nodes", json!(self.nodes)));
        fields.push(("seeds", json!(self.seeds)));
        fields.push(("faults", json!(faults)));
        let fields = object(&fields);
        format!("{},\"at_best\":{best}}}", fields.trim_end_matches('}'))
    }

    /// A chapter of the report. `picture` is the file that shows it.
    pub(crate) fn markdown(&self, picture: Option<&str>) -> String {
        let Self { scenario, nodes, seeds, .. } = self;
        let names: Vec<&str> = self.runs.iter().map(|(profile, _)| profile.name).collect();
        let census = self.runs.iter().find_map(|(_, runs)| runs.first()).map_or("", |run| &run.census);
        let minutes = [scenario.warm, scenario.span()].map(|span| span / crate::world::MINUTE);
        let mut lines = vec![
            format!("## {}", scenario.title),
            String::new(),
            format!("{} **{}**", scenario.story, scenario.question),
            String::new(),
            format!(
                "{}{nodes} dialers, {} min after {} min of warm-up, {}. The world of the first: {census}",
                if scenario.quick { "The short form: all times are cut short. " } else { "" },
                minutes[1],
                minutes[0],
                name_seeds(seeds)
            ),
            String::new(),
        ];
        if let Some(picture) = picture {
            lines.extend([format!("![{}: {}]({picture})", scenario.title, scenario.question), String::new()]);
        }
        lines.push(format!("| | {} | feasible at best |", names.join(" | ")));
        lines.push(format!("|---|{}---|", "---|".repeat(names.len())));
        let columns: Vec<_> = self.runs.iter().map(|(_, runs)| merge(runs)).collect();
        let Some(first) = columns.first() else { return lines.join("\n") };
        for (row, (figure, _)) in first.iter().enumerate() {
            let cells: Vec<String> = columns
                .iter()
                .filter_map(|column| column.get(row))
                .map(|(figure, range)| cell(figure, *range))
                .collect();
            let bests = columns.iter().filter_map(|column| Some(column.get(row)?.0.best?.0));
            let best = bests.reduce(f64::min).map_or("–".to_owned(), |best| figure.show(best));
            lines.push(format!("| {} | {} | {best} |", figure.label, cells.join(" | ")));
        }
        lines.push(String::new());
        lines.push("What is feasible at best:".to_owned());
        lines.push(String::new());
        lines.extend(explain(first));
        lines.push(String::new());
        lines.join("\n")
    }
}

/// Of several seeds the range is shown too, where the figure is their mean.
fn cell(figure: &Figure, [least, most]: [f64; 2]) -> String {
    let value = figure.show(figure.value);
    let (least, most) = (figure.show(least), figure.show(most));
    if least == most || figure.merge != crate::figures::Merge::Mean {
        return value;
    }
    format!("{value} ({least} to {most})")
}

/// How each best was computed, one line for each way.
fn explain(figures: &[(Figure, [f64; 2])]) -> Vec<String> {
    let mut ways: Vec<(&str, Vec<&str>)> = Vec::new();
    for (figure, _) in figures {
        let Some((_, how)) = figure.best else { continue };
        let label = figure.label.trim_start_matches("… ");
        match ways.iter_mut().find(|(way, _)| *way == how) {
            Some((_, labels)) => labels.push(label),
            None => ways.push((how, vec![label])),
        }
    }
    ways.into_iter().map(|(how, labels)| format!("- {}: {how}.", labels.join("; "))).collect()
}

pub(crate) fn name_seeds(seeds: &[u64]) -> String {
    let list: Vec<String> = seeds.iter().map(u64::to_string).collect();
    let word = if seeds.len() == 1 { "seed" } else { "seeds" };
    format!("{word} {}", list.join(", "))
}

/// A figure as JSON, with as many digits as it is shown with.
fn number(figure: &Figure, value: f64) -> Value {
    let scale = if figure.unit == Unit::Count { 10.0 } else { 1_000.0 };
    let rounded = (value * scale).round() / scale;
    if rounded.fract() == 0.0 && rounded.abs() < 1e15 {
        return json!(rounded as i64);
    }
    Number::from_f64(rounded).map_or(Value::Null, Value::Number)
}

/// An object whose keys stay in their order.
fn object(fields: &[(&str, Value)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{}:{value}", json!(key))).collect();
    format!("{{{}}}", fields.join(","))
}
