//! What grows, and how: a naive dialer to compare with, and the picture.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

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

/// Draws nanoseconds a cycle over the number of nodes, both by their logarithm.
pub(crate) fn plot(path: &Path, curves: &[(String, Vec<(u32, f64)>)]) {
    let root = SVGBackend::new(path, (900, 560)).into_drawing_area();
    root.fill(&WHITE).expect("the picture can be written");
    let most = curves.iter().flat_map(|(_, points)| points).fold(0.0f64, |most, point| most.max(point.1));
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(80)
        .build_cartesian_2d((1_000f64..1_000_000f64).log_scale(), (100f64..most * 1.5).log_scale())
        .expect("the axes fit");
    let mesh = &mut chart.configure_mesh();
    mesh.x_desc("known nodes").y_desc("ns for one dial cycle").draw().expect("the picture can be written");
    for (number, (name, points)) in curves.iter().enumerate() {
        let color = Palette99::pick(number);
        let line = points.iter().map(|(n, ns)| (f64::from(*n), *ns));
        let series = chart.draw_series(LineSeries::new(line, color.stroke_width(2)));
        let series = series.expect("the picture can be written").label(name);
        series.legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], Palette99::pick(number)));
    }
    let legend = &mut chart.configure_series_labels();
    legend.border_style(BLACK).background_style(WHITE).position(SeriesLabelPosition::UpperLeft);
    legend.draw().expect("the picture can be written");
    root.present().expect("the picture can be written");
}
