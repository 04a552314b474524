//! One picture as a list of shapes: what every chart becomes, and what both writers read.
//!
//! Charts draw through plotters on a [`Canvas`]; the [`recorder::Recorder`] back end turns that into a [`Scene`];
//! [`svg::write`] and [`png::write`] turn the scene into bytes. Coordinates are whole numbers, 20 to a pixel.

pub mod canvas;
pub mod font;
pub mod png;
pub mod recorder;
pub mod svg;
pub mod token;

pub use canvas::{Canvas, Label};
pub use font::Weight;
pub use token::Token;

/// Units per pixel of a scene.
pub const UNITS: i32 = 20;

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// What it shows; the accessible name.
    pub title: String,
    /// From back to front.
    pub shapes: Vec<Shape>,
}

/// A point in units.
pub type Point = (i32, i32);

/// One thing to paint.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Closed rings in one color.
    Fill { token: Token, opacity_percent: u8, rings: Vec<Vec<Point>> },
    /// Open lines of one width (in units) and color.
    Stroke { token: Token, opacity_percent: u8, width: u32, lines: Vec<Vec<Point>> },
    /// A disc; `width` is `None` for a filled one, else the width of the ring in units.
    Circle { token: Token, center: Point, radius: u32, width: Option<u32> },
    /// Words on a baseline.
    Text(Text),
}

/// Words.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// Color.
    pub token: Token,
    /// The start, middle or end of the baseline.
    pub at: Point,
    /// Which of these.
    pub anchor: Anchor,
    /// Size in tenths of a pixel.
    pub size_tenths: u32,
    /// Regular or semi-bold.
    pub weight: Weight,
    /// What it says.
    pub text: String,
}

/// Which end of a text is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The left end.
    Start,
    /// The middle.
    Middle,
    /// The right end.
    End,
}

impl Scene {
    /// An empty picture.
    pub fn new(width: u32, height: u32, title: &str) -> Scene {
        Scene { width, height, title: title.to_owned(), shapes: Vec::new() }
    }

    /// Adds rings, to the last shape if that is a fill of the same style.
    pub(crate) fn fill(&mut self, style: (Token, u8), ring: Vec<Point>) {
        if let Some(Shape::Fill { token, opacity_percent, rings }) = self.shapes.last_mut()
            && (*token, *opacity_percent) == style
        {
            rings.push(ring);
            return;
        }
        self.shapes.push(Shape::Fill { token: style.0, opacity_percent: style.1, rings: vec![ring] });
    }

    /// Adds a line, to the last shape if that is a stroke of the same style.
    pub(crate) fn stroke(&mut self, style: (Token, u8, u32), line: Vec<Point>) {
        if let Some(Shape::Stroke { token, opacity_percent, width, lines }) = self.shapes.last_mut()
            && (*token, *opacity_percent, *width) == style
        {
            lines.push(line);
            return;
        }
        let (token, opacity_percent, width) = style;
        self.shapes.push(Shape::Stroke { token, opacity_percent, width, lines: vec![line] });
    }
}
