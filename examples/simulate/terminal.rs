//! The small plot for a terminal of 80 columns.

use std::time::Duration;

use dialstate_proptests::world::{Series, span};
use textplots::{Chart, LabelBuilder, LabelFormat, Plot, Shape};

/// In dots: two to a column, four to a line.
const WIDTH: u32 = 144;
const PEERS_HEIGHT: u32 = 20;
const DIALS_HEIGHT: u32 = 12;

/// Peers and dials over time, one under the other.
pub(crate) fn plot(name: &str, series: &Series) -> String {
    // As many values as there are dots: the smallest of each few, so that no gap in the peers is lost.
    let chunk = series.peers.len().div_ceil(WIDTH as usize).max(1);
    let peers: Vec<u32> = series.peers.chunks(chunk).filter_map(|few| few.iter().copied().min()).collect();
    let most_peers = peers.iter().copied().fold(series.target, u32::max);
    let most_dials = series.dials.iter().copied().fold(1, u32::max);
    let parts = u32::try_from(series.dials.len()).unwrap_or(u32::MAX).max(1);
    [
        format!("{name}: peers (the target is {})", series.target),
        chart(&peers, series.span, most_peers, PEERS_HEIGHT),
        format!("{name}: dials begun in each {}", span(series.span / parts)),
        chart(&series.dials, series.span, most_dials, DIALS_HEIGHT),
    ]
    .join("\n")
}

fn chart(values: &[u32], span: Duration, most: u32, height: u32) -> String {
    let hours = span.as_secs_f32() / 3_600.0;
    let part = hours / values.len().max(1) as f32;
    let points: Vec<_> = values.iter().enumerate().map(|(n, y)| (n as f32 * part, *y as f32)).collect();
    let shape = Shape::Steps(&points);
    let mut chart = Chart::new_with_y_range(WIDTH, height, 0.0, hours, 0.0, most as f32);
    let drawn = chart
        .lineplot(&shape)
        .x_label_format(LabelFormat::Custom(Box::new(|x| format!("{x:.0} h"))))
        .y_label_format(LabelFormat::Custom(Box::new(|y| format!("{y:.0}"))));
    drawn.axis();
    drawn.figures();
    drawn.to_string()
}
