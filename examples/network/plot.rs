//! The picture of a scenario: peers per node over time, one panel for each profile; below, all profiles together: dials
//! over time, inbound peers, and what is special about the scenario.
//!
//! Only plotters' SVG backend is used: text stays text, and no font of this machine has a say in the bytes.

use std::error::Error;

use dialstate_proptests::palette::{self, Colour};
use plotters::chart::SeriesLabelPosition;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::measure::Sample;
use crate::profiles::Profile;
use crate::report::Chapter;
use crate::run::Run;
use crate::scenario::Kind;
use crate::world::{DAY, HOUR, MINUTE, TARGET};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;
type Points = Vec<(f64, f64)>;

const SIZE: (u32, u32) = (1_200, 760);
const UPPER: u32 = 380;
const INK: RGBColor = rgb(palette::INK);
const GRID: RGBColor = rgb(palette::GRID);
/// Points of a distribution.
const STEPS: usize = 200;

/// What a chart says beside its lines.
#[derive(Debug)]
struct Frame<'a> {
    title: &'a str,
    x: &'a str,
    y: &'a str,
    width: f64,
    height: f64,
    legend: SeriesLabelPosition,
}

/// The picture as an SVG document.
pub(crate) fn svg(chapter: &Chapter<'_>) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let title =
        format!("{}, {} dialers. {}", chapter.scenario.title, chapter.nodes, chapter.scenario.question);
    let inner = root.titled(&title, ("sans-serif", 20).into_font().color(&INK))?;
    let (upper, lower) = inner.split_vertically(UPPER);
    for (area, (profile, runs)) in upper.split_evenly((1, chapter.runs.len())).iter().zip(&chapter.runs) {
        peers(area, chapter, profile, runs)?;
    }
    let panels: [fn(&Area<'_>, &Chapter<'_>) -> Drawn; 3] = [dials, inbound, special];
    for (area, draw) in lower.split_evenly((1, 3)).iter().zip(panels) {
        draw(area, chapter)?;
    }
    root.present()?;
    drop((lower, upper, inner, root));
    Ok(text)
}

/// The span of a scenario in a unit that suits it.
fn time(chapter: &Chapter<'_>) -> (f64, &'static str, f64) {
    let span = chapter.scenario.span();
    let (unit, name) = match span {
        _ if span > 3 * DAY => (DAY, "days"),
        _ if span > 3 * HOUR => (HOUR, "hours"),
        _ => (MINUTE, "minutes"),
    };
    (unit as f64, name, span as f64 / unit as f64)
}

/// A curve over time that is the mean of all seeds.
fn over_time(chapter: &Chapter<'_>, runs: &[&Run], value: impl Fn(&Sample) -> f64) -> Points {
    let (unit, _, _) = time(chapter);
    let Some(first) = runs.first() else { return Vec::new() };
    let point = |(n, sample): (usize, &Sample)| {
        let values: Vec<f64> = runs.iter().filter_map(|run| run.samples.get(n)).map(&value).collect();
        let at = (sample.at - chapter.scenario.warm) as f64 / unit;
        (at, values.iter().sum::<f64>() / values.len().max(1) as f64)
    };
    first.samples.iter().enumerate().map(point).collect()
}

fn peers(area: &Area<'_>, chapter: &Chapter<'_>, profile: &Profile, runs: &[&Run]) -> Drawn {
    let (_, x, width) = time(chapter);
    let title = format!("{}: dialed peers per node. High and narrow is good", profile.name);
    let frame = Frame {
        title: &title,
        x,
        y: "peers",
        width,
        height: f64::from(TARGET) * 1.25,
        legend: SeriesLabelPosition::LowerRight,
    };
    let colour = colour(profile);
    let [least, lower, middle, upper, most] =
        [0, 1, 2, 3, 4].map(|rank| over_time(chapter, runs, |sample| sample.peers[rank] as f64));
    let mut chart = mesh(area, &frame)?;
    for (name, below, above, strength) in
        [("5 % to 95 % of the nodes", least, most, 0.2), ("25 % to 75 %", lower, upper, 0.4)]
    {
        let outline: Points = below.into_iter().chain(above.into_iter().rev()).collect();
        let fill = colour.mix(strength).filled();
        chart
            .draw_series([Polygon::new(outline, fill)])?
            .label(name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 4), (x + 18, y + 4)], fill));
    }
    let target = [(0.0, f64::from(TARGET)), (width, f64::from(TARGET))];
    let style = rgb(palette::BLACK).mix(0.25).stroke_width(9);
    chart
        .draw_series(LineSeries::new(target, style))?
        .label("target")
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    chart
        .draw_series(LineSeries::new(middle, colour.stroke_width(2)))?
        .label("median")
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    legend(&mut chart, frame.legend)
}

fn dials(area: &Area<'_>, chapter: &Chapter<'_>) -> Drawn {
    let (_, x, width) = time(chapter);
    let curve = |runs: &Vec<&Run>| {
        let parts = runs.first().map_or(0, |run| run.rates.len());
        let rate = |n: usize| {
            let rates: Vec<f64> = runs.iter().filter_map(|run| run.rates.get(n)).copied().collect();
            rates.iter().sum::<f64>() / rates.len().max(1) as f64
        };
        let edges = |n: usize| [n, n + 1].map(|edge| (edge as f64 * width / parts as f64, rate(n)));
        (0..parts).flat_map(edges).collect::<Points>()
    };
    let curves: Vec<Points> = chapter.runs.iter().map(|(_, runs)| curve(runs)).collect();
    let height = highest(&curves, 1.0) * 1.3;
    let title = "Dials per second in the whole network. Low is good";
    let frame = Frame { title, x, y: "dials/s", width, height, legend: SeriesLabelPosition::UpperRight };
    lines(area, &frame, chapter, curves)
}

fn inbound(area: &Area<'_>, chapter: &Chapter<'_>) -> Drawn {
    let all = |runs: &Vec<&Run>| distribution(runs, |run| &run.inbound, 1.0);
    let curves: Vec<Points> = chapter.runs.iter().map(|(_, runs)| all(runs)).collect();
    let frame = Frame {
        title: "Inbound peers at the end. Steep is fair",
        x: "inbound peers of a node that accepts connections",
        y: "% of them with fewer",
        width: widest(&curves, 10.0),
        height: 100.0,
        legend: SeriesLabelPosition::LowerRight,
    };
    lines(area, &frame, chapter, curves)
}

/// What the scenario is about.
fn special(area: &Area<'_>, chapter: &Chapter<'_>) -> Drawn {
    let kind = chapter.scenario.kind;
    let times = |runs: &Vec<&Run>| distribution(runs, |run| &run.special, 1e3);
    let (title, x, y) = match kind {
        Kind::SteadyState | Kind::LongLife => {
            let share = |runs: &Vec<&Run>| over_time(chapter, runs, |sample| sample.component as f64 / 10.0);
            let curves = chapter.runs.iter().map(|(_, runs)| share(runs)).collect();
            let (_, x, width) = time(chapter);
            let title = "Nodes in the largest component. 100 % is whole";
            let legend = SeriesLabelPosition::LowerRight;
            let frame = Frame { title, x, y: "% of the nodes", width, height: 105.0, legend };
            return lines(area, &frame, chapter, curves);
        }
        Kind::Eclipse => {
            let slots = |runs: &Vec<&Run>| distribution(runs, |run| &run.special, 1.0);
            let curves = chapter.runs.iter().map(|(_, runs)| slots(runs)).collect();
            let frame = Frame {
                title: "Slots lost after the restart. Left is good",
                x: "slots of a victim that lead to the adversary",
                y: "% of the victims with fewer",
                width: f64::from(TARGET),
                height: 100.0,
                legend: SeriesLabelPosition::LowerRight,
            };
            return lines(area, &frame, chapter, curves);
        }
        Kind::Partition => (
            "Healed: a neighbour in the other half. Left is good",
            "seconds after the end of the cut",
            "% of the healed nodes",
        ),
        Kind::FlakyLinks => {
            ("All peers after link-up. Left is good", "seconds after link-up", "% of the times")
        }
        Kind::ColdStart | Kind::MassRestart | Kind::SlowLoris => {
            ("All peers after a start. Left is good", "seconds after the start", "% of the starts")
        }
    };
    let curves: Vec<Points> = chapter.runs.iter().map(|(_, runs)| times(runs)).collect();
    let width = widest(&curves, 10.0);
    let legend = SeriesLabelPosition::LowerRight;
    lines(area, &Frame { title, x, y, width, height: 100.0, legend }, chapter, curves)
}

/// A distribution of the values of all seeds: how many percent are below.
fn distribution<'a>(runs: &[&'a Run], values: impl Fn(&'a Run) -> &'a Vec<u64>, scale: f64) -> Points {
    let all = crate::census::sorted(runs.iter().flat_map(|run| values(run)).copied());
    let point = |n: usize| {
        let place = (n * all.len() / STEPS).min(all.len() - 1);
        (all[place] as f64 / scale, 100.0 * n as f64 / STEPS as f64)
    };
    if all.is_empty() { Vec::new() } else { (0..=STEPS).map(point).collect() }
}

fn highest(curves: &[Points], least: f64) -> f64 {
    curves.iter().flatten().map(|(_, y)| *y).fold(least, f64::max)
}

/// Wide enough for 99 % of each curve.
fn widest(curves: &[Points], least: f64) -> f64 {
    let nearly_all = |curve: &Points| curve.iter().map(|(x, _)| *x).nth(STEPS * 99 / 100).unwrap_or(0.0);
    curves.iter().map(nearly_all).fold(least, f64::max)
}

fn colour(profile: &Profile) -> RGBColor {
    rgb(palette::profile(profile.name))
}

const fn rgb((red, green, blue): Colour) -> RGBColor {
    RGBColor(red, green, blue)
}

/// One curve for each profile. Where one line covers the other, the thicker one shows below.
fn lines(area: &Area<'_>, frame: &Frame<'_>, chapter: &Chapter<'_>, curves: Vec<Points>) -> Drawn {
    let mut chart = mesh(area, frame)?;
    let count = curves.len() as u32;
    for (n, ((profile, _), curve)) in (0..).zip(chapter.runs.iter().zip(curves)) {
        let style = colour(profile).stroke_width(1 + 2 * (count - 1 - n));
        let inside = curve.into_iter().filter(|(x, _)| *x <= frame.width);
        chart
            .draw_series(LineSeries::new(inside, style))?
            .label(profile.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    legend(&mut chart, frame.legend.clone())
}

type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

fn mesh<'a, 'b>(area: &'a Area<'b>, frame: &Frame<'_>) -> Result<Chart<'a, 'b>, Box<dyn Error>> {
    let mut chart = ChartBuilder::on(area)
        .caption(frame.title, ("sans-serif", 15, &INK))
        .margin(8)
        .margin_right(20)
        .x_label_area_size(38)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..frame.width, 0.0..frame.height)?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .x_labels(7)
        .y_labels(6)
        .x_label_formatter(&|x| format!("{}", (x * 100.0).round() / 100.0))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .label_style(("sans-serif", 12, &INK))
        .x_desc(frame.x)
        .y_desc(frame.y)
        .draw()?;
    Ok(chart)
}

fn legend<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>, position: SeriesLabelPosition) -> Drawn {
    chart
        .configure_series_labels()
        .position(position)
        .background_style(WHITE.mix(0.85))
        .border_style(GRID)
        .label_font(("sans-serif", 12, &INK))
        .draw()?;
    Ok(())
}
