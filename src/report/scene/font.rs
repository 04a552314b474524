//! The embedded font: widths for the layout, outlines for PNG, bytes for SVG.
//!
//! Simplification: no kerning. The SVG turns it off too, so both writers place every letter alike.

use std::sync::LazyLock;

use ttf_parser::{Face, OutlineBuilder};

/// Bytes for `@font-face`.
pub const REGULAR_WOFF2: &[u8] = include_bytes!("../fonts/Inter-Regular.woff2");
/// Bytes for `@font-face`, weight 600.
pub const SEMI_BOLD_WOFF2: &[u8] = include_bytes!("../fonts/Inter-SemiBold.woff2");

static REGULAR: LazyLock<Face<'static>> = LazyLock::new(|| face(include_bytes!("../fonts/Inter-Regular.ttf")));
static SEMI_BOLD: LazyLock<Face<'static>> = LazyLock::new(|| face(include_bytes!("../fonts/Inter-SemiBold.ttf")));

fn face(bytes: &'static [u8]) -> Face<'static> {
    Face::parse(bytes, 0).expect("the embedded font is well formed")
}

/// Weight of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// 400.
    Regular,
    /// 600.
    SemiBold,
}

impl Weight {
    fn face(self) -> &'static Face<'static> {
        match self {
            Weight::Regular => &REGULAR,
            Weight::SemiBold => &SEMI_BOLD,
        }
    }
}

/// Advance of one character in font units; what the font does not have is as wide as an `n`.
fn advance(face: &Face<'_>, c: char) -> f64 {
    let glyph = face.glyph_index(c).or_else(|| face.glyph_index('n'));
    glyph.and_then(|glyph| face.glyph_hor_advance(glyph)).map_or(0.0, f64::from)
}

/// Width of a text in pixels.
pub fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let face = weight.face();
    let units: f64 = text.chars().map(|c| advance(face, c)).sum();
    units * size / f64::from(face.units_per_em())
}

/// The text, shortened with an ellipsis until it is at most `room` pixels wide.
pub fn fit(text: &str, room: f64, size: f64, weight: Weight) -> String {
    if width(text, size, weight) <= room {
        return text.to_owned();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while kept.pop().is_some() {
        let short: String = kept.iter().collect::<String>().trim_end().to_owned() + "…";
        if width(&short, size, weight) <= room {
            return short;
        }
    }
    String::new()
}

/// Outlines the text from its left end on the baseline at `at` (pixels) into the builder; y grows downwards.
pub fn outline(text: &str, at: (f64, f64), size: f64, weight: Weight, out: &mut dyn OutlineBuilder) {
    let face = weight.face();
    let scale = size / f64::from(face.units_per_em());
    let mut x = at.0;
    for c in text.chars() {
        if let Some(glyph) = face.glyph_index(c) {
            let mut placed = Placed { x, y: at.1, scale, out };
            let _ = face.outline_glyph(glyph, &mut placed);
        }
        x += advance(face, c) * scale;
    }
}

/// Moves and scales an outline on its way.
struct Placed<'a> {
    x: f64,
    y: f64,
    scale: f64,
    out: &'a mut dyn OutlineBuilder,
}

impl Placed<'_> {
    fn map(&self, x: f32, y: f32) -> (f32, f32) {
        ((self.x + f64::from(x) * self.scale) as f32, (self.y - f64::from(y) * self.scale) as f32)
    }
}

impl OutlineBuilder for Placed<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.map(x, y);
        self.out.move_to(x, y);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.map(x, y);
        self.out.line_to(x, y);
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.map(x1, y1), self.map(x, y));
        self.out.quad_to(x1, y1, x, y);
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.map(x1, y1), self.map(x2, y2), self.map(x, y));
        self.out.curve_to(x1, y1, x2, y2, x, y);
    }
    fn close(&mut self) {
        self.out.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_tabular() {
        for weight in [Weight::Regular, Weight::SemiBold] {
            let one = width("1", 100.0, weight);
            for digit in ["0", "4", "7"] {
                assert!((width(digit, 100.0, weight) - one).abs() < 1e-9, "{digit}");
            }
        }
    }

    #[test]
    fn every_character_the_charts_use_is_in_the_font() {
        for c in "…·–—×→\u{a0}\u{2212}µ%ЖяЁё[]#".chars() {
            assert!(REGULAR.glyph_index(c).is_some(), "{c:?}");
        }
    }

    #[test]
    fn a_long_name_ends_in_an_ellipsis_and_fits() {
        let short = fit("a name that is far too long for its room", 80.0, 12.0, Weight::Regular);
        assert!(short.ends_with('…') && width(&short, 12.0, Weight::Regular) <= 80.0, "{short}");
    }
}
