//! The colours of all pictures: those of Okabe and Ito (2008), which almost everyone can tell apart. Each profile has the same
//! one everywhere.
#![allow(missing_docs, reason = "the name of a colour says what it is")]

/// Red, green, blue.
pub type Colour = (u8, u8, u8);

pub const BLACK: Colour = (0, 0, 0);
pub const ORANGE: Colour = (230, 159, 0);
pub const SKY_BLUE: Colour = (86, 180, 233);
pub const GREEN: Colour = (0, 158, 115);
pub const YELLOW: Colour = (240, 228, 66);
pub const BLUE: Colour = (0, 114, 178);
pub const VERMILION: Colour = (213, 94, 0);
pub const PURPLE: Colour = (204, 121, 167);

/// Text and axes.
pub const INK: Colour = (60, 60, 60);
/// Lines behind the curves.
pub const GRID: Colour = (225, 225, 225);

/// The colour of a profile, by its name; of whatever else is compared with them, purple.
#[must_use]
pub fn profile(name: &str) -> Colour {
    match name {
        "classic" => VERMILION,
        "scheduler" => GREEN,
        "balanced" => BLUE,
        _ => PURPLE,
    }
}
