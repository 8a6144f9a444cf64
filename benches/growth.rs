//! What grows, and how: a naive dialer to compare with, and the picture.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use dialstate_proptests::palette::{self, Colour};
use plotters::prelude::*;

use crate::common::{Mix, Node, node};

/// Nanoseconds of a dial cycle in a naive dialer: a list of nodes, each with the end of its cooldown, walked through for
/// every dial to find the one that is due, and once more to note how that dial ended.
pub(crate) fn naive(n: u32) -> f64 {
    let mut rng = Mix::new(9);
    let mut nodes: Vec<(Node, u64)> = (0..n).map(|at| (node(at), rng.below(1 << 40))).collect();
    let cycles = 2_000_000 / n;
    let start = Instant::now();
    for _ in 0..cycles {
        let due = nodes.iter().min_by_key(|(_, until)| *until).expect("there are nodes").0.clone();
        let found = nodes.iter_mut().find(|(node, _)| node.id == due.id).expect("it is among them");
        found.1 += black_box(rng.below(1 << 40));
    }
    start.elapsed().as_nanos() as f64 / f64::from(cycles)
}

const fn rgb((red, green, blue): Colour) -> RGBColor {
    RGBColor(red, green, blue)
}

/// A number of an axis, with a comma between thousands.
fn number(value: f64) -> String {
    let digits = format!("{value:.0}");
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|few| std::str::from_utf8(few).ok()).collect();
    groups.join(",")
}

/// Draws nanoseconds a cycle over the number of nodes, both by their logarithm. A profile has its colour; its static nodes have
/// the thinner line.
pub(crate) fn plot(path: &Path, curves: &[(String, Vec<(u32, f64)>)]) {
    let root = SVGBackend::new(path, (900, 560)).into_drawing_area();
    root.fill(&WHITE).expect("the picture can be written");
    let most = curves.iter().flat_map(|(_, points)| points).fold(0.0f64, |most, point| most.max(point.1));
    let font = |size| ("sans-serif", size).into_font().color(&rgb(palette::INK));
    let mut chart = ChartBuilder::on(&root)
        .caption("Time of a dial over the number of known nodes: the flatter, the better", font(18))
        .margin(16)
        .margin_right(48)
        .x_label_area_size(40)
        .y_label_area_size(80)
        .build_cartesian_2d((1_000f64..1_000_000f64).log_scale(), (100f64..most * 1.5).log_scale())
        .expect("the axes fit");
    let mesh = &mut chart.configure_mesh();
    mesh.x_desc("known nodes").y_desc("ns for one dial cycle").label_style(font(13));
    mesh.bold_line_style(rgb(palette::GRID)).light_line_style(TRANSPARENT).axis_style(rgb(palette::INK));
    mesh.x_label_formatter(&|x| number(*x)).y_label_formatter(&|y| number(*y));
    mesh.draw().expect("the picture can be written");
    for (name, points) in curves {
        let profile = name.split(',').next().unwrap_or(name);
        let width = if name.ends_with("static") { 2 } else { 4 };
        let style = rgb(palette::profile(profile)).stroke_width(width);
        let line = points.iter().map(|(n, ns)| (f64::from(*n), *ns));
        let series = chart.draw_series(LineSeries::new(line, style));
        let series = series.expect("the picture can be written").label(name);
        series.legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style));
    }
    let legend = &mut chart.configure_series_labels();
    legend.border_style(rgb(palette::GRID)).background_style(WHITE).position(SeriesLabelPosition::LowerRight);
    legend.label_font(font(13));
    legend.draw().expect("the picture can be written");
    root.present().expect("the picture can be written");
}
