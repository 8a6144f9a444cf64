//! A timeline as a picture. Only plotters' SVG backend is used: text stays text.

use std::error::Error;

use dialstate_proptests::debug::{State, Timeline};
use dialstate_proptests::palette::{self, Colour};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::jobs::short;

/// In pixels.
const LEFT: i32 = 110;
const TOP: i32 = 44;
const ROW: i32 = 14;
const CELL: i32 = 2;
const LEGEND_STEP: i32 = 120;
const INK: RGBColor = rgb(palette::INK);

const fn rgb((red, green, blue): Colour) -> RGBColor {
    RGBColor(red, green, blue)
}

const fn colour(state: State) -> Option<RGBColor> {
    Some(rgb(match state {
        State::Unknown => return None,
        State::Ready => palette::GRID,
        State::Held => palette::YELLOW,
        State::Cooling => palette::SKY_BLUE,
        State::Banned => palette::BLACK,
        State::Attempt => palette::ORANGE,
        State::Connected => palette::GREEN,
    }))
}

/// The picture as an SVG document.
pub(crate) fn draw(timeline: &Timeline) -> Result<String, Box<dyn Error>> {
    let cells = i32::try_from(timeline.rows.first().map_or(0, |row| row.cells.len()))?;
    let rows = i32::try_from(timeline.rows.len())?;
    let (right, bottom) = (LEFT + cells * CELL, TOP + rows * ROW);
    let size = (u32::try_from((right + 20).max(LEFT + 6 * LEGEND_STEP))?, u32::try_from(bottom + 30)?);
    let mut text = String::new();
    let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
    root.fill(&WHITE)?;
    let font = ("sans-serif", 12).into_font().color(&INK);
    for (n, (state, name, _)) in (0..).zip(State::ALL.iter().skip(1)) {
        let x = LEFT + n * LEGEND_STEP;
        root.draw(&bar(*state, x, x + 14, 16))?;
        root.draw(&Text::new(*name, (x + 20, 15), font.clone()))?;
    }
    for (n, row) in (0..).zip(&timeline.rows) {
        let y = TOP + n * ROW;
        root.draw(&Text::new(short(row.id), (10, y - 1), ("monospace", 12).into_font().color(&INK)))?;
        let mut x = LEFT;
        for run in row.cells.chunk_by(|one, two| one == two) {
            let until = x + i32::try_from(run.len())? * CELL;
            let state = run.first().copied().filter(|state| colour(*state).is_some());
            state.map(|state| root.draw(&bar(state, x, until, y))).transpose()?;
            x = until;
        }
    }
    let end = font.clone().pos(Pos::new(HPos::Right, VPos::Top));
    root.draw(&Text::new(timeline.start.to_string(), (LEFT, bottom + 8), font))?;
    root.draw(&Text::new(timeline.end.to_string(), (right, bottom + 8), end))?;
    root.present()?;
    drop(root);
    Ok(text)
}

fn bar(state: State, from: i32, until: i32, y: i32) -> Rectangle<(i32, i32)> {
    Rectangle::new([(from, y), (until, y + ROW - 4)], colour(state).unwrap_or(WHITE).filled())
}
