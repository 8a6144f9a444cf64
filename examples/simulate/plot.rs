//! The plot for a file: peers above, dials below, over the same time.
//!
//! Only plotters' SVG backend is used: text stays text, and no font of this machine has a say in the bytes.

use std::error::Error;

use dialstate_proptests::palette::{self, Colour};
use dialstate_proptests::world::{Series, span};
use plotters::chart::SeriesLabelPosition;
use plotters::coord::Shift;
use plotters::prelude::*;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

const SIZE: (u32, u32) = (1_000, 640);
const INK: RGBColor = rgb(palette::INK);
const GRID: RGBColor = rgb(palette::GRID);

const fn rgb((red, green, blue): Colour) -> RGBColor {
    RGBColor(red, green, blue)
}

/// What the two charts have in common.
struct Frame<'a> {
    title: String,
    unit: &'a str,
    /// The level of a broad line behind the curves, so that it shows where a curve lies on it.
    target: Option<f64>,
    hours: f64,
}

/// The plot of these lives as an SVG document.
pub(crate) fn svg(lives: &[(&str, &Series)]) -> Result<String, Box<dyn Error>> {
    let length = lives.iter().map(|(_, series)| series.span).max().unwrap_or_default();
    let hours = length.as_secs_f64() / 3_600.0;
    let parts = lives.iter().map(|(_, series)| series.dials.len()).max().unwrap_or(0).max(1);
    let part = length / u32::try_from(parts)?;
    let target = lives.iter().map(|(_, series)| f64::from(series.target)).fold(1.0, f64::max);
    let peers: Vec<_> = lives.iter().map(|(name, series)| (*name, series.peers.as_slice())).collect();
    let dials: Vec<_> = lives.iter().map(|(name, series)| (*name, series.dials.as_slice())).collect();

    let mut text = String::new();
    let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (above, below) = root.split_vertically(SIZE.1 * 11 / 20);
    let title = "Dialed peers: the nearer to the target, the better".to_owned();
    draw(&above, &Frame { title, unit: "peers", target: Some(target), hours }, &peers)?;
    let title = format!("Dials begun in each {}: the fewer, the better", span(part));
    draw(&below, &Frame { title, unit: "dials", target: None, hours }, &dials)?;
    root.present()?;
    drop((above, below, root));
    // No wider than the page that shows it.
    Ok(text.replacen("<svg ", "<svg style=\"max-width: 100%; height: auto\" ", 1))
}

fn draw(area: &Area<'_>, frame: &Frame<'_>, curves: &[(&str, &[u32])]) -> Drawn {
    let least = frame.target.unwrap_or(1.0);
    let most = curves.iter().flat_map(|(_, values)| *values).map(|y| f64::from(*y)).fold(least, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption(&frame.title, ("sans-serif", 18, &INK))
        .margin(10)
        .margin_right(24)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..frame.hours, 0.0..most * 1.15)?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .x_labels(13)
        .y_labels(7)
        .x_label_formatter(&|x| format!("{x}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .label_style(("sans-serif", 13, &INK))
        .x_desc("hours")
        .y_desc(frame.unit)
        .draw()?;
    if let Some(target) = frame.target {
        let level = [(0.0, target), (frame.hours, target)];
        let style = rgb(palette::BLACK).mix(0.25).stroke_width(9);
        chart
            .draw_series(LineSeries::new(level, style))?
            .label("target")
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    for (name, values) in curves {
        let (colour, width) = stroke(name);
        let line = LineSeries::new(steps(values, frame.hours), colour.stroke_width(width));
        chart
            .draw_series(line)?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(width)));
    }
    chart
        .configure_series_labels()
        .position(if frame.target.is_some() {
            SeriesLabelPosition::LowerRight
        } else {
            SeriesLabelPosition::UpperRight
        })
        .background_style(WHITE.mix(0.85))
        .border_style(GRID)
        .label_font(("sans-serif", 13, &INK))
        .draw()?;
    Ok(())
}

/// Where one line covers another, the thicker one shows below.
fn stroke(name: &str) -> (RGBColor, u32) {
    let width = match name {
        "classic" => 4,
        "scheduler" => 3,
        _ => 2,
    };
    (rgb(palette::profile(name)), width)
}

/// Each value as a level that lasts for its part of the time.
fn steps(values: &[u32], hours: f64) -> impl Iterator<Item = (f64, f64)> {
    let part = hours / values.len().max(1) as f64;
    let edges = move |(n, y): (usize, &u32)| [n, n + 1].map(|edge| (edge as f64 * part, f64::from(*y)));
    values.iter().enumerate().flat_map(edges)
}
