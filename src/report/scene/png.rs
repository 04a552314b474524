//! A scene as PNG: twice the size, light, on opaque paper, letters from the font's own outlines.

use tiny_skia::{Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Stroke, Transform};

use super::font::{self, Weight};
use super::{Anchor, Point, Scene, Shape, Text, Token, UNITS};

/// Pixels of the PNG per pixel of the scene.
pub const SCALE: u32 = 2;

/// The picture as the bytes of a PNG file; empty if it has no area.
pub fn write(scene: &Scene) -> Vec<u8> {
    let Some(mut pixmap) = Pixmap::new(scene.width * SCALE, scene.height * SCALE) else { return Vec::new() };
    pixmap.fill(color(Token::Bg, 100));
    for shape in &scene.shapes {
        match shape {
            Shape::Fill { token, opacity_percent, rings } => {
                fill(&mut pixmap, paths(rings, true), *token, *opacity_percent);
            }
            Shape::Stroke { token, opacity_percent, width, lines } => {
                stroke(&mut pixmap, paths(lines, false), *token, *opacity_percent, *width);
            }
            Shape::Circle { token, center, radius, width } => {
                let path = PathBuilder::from_circle(px(center.0), px(center.1), px(*radius as i32));
                match width {
                    None => fill(&mut pixmap, path, *token, 100),
                    Some(width) => stroke(&mut pixmap, path, *token, 100, *width),
                }
            }
            Shape::Text(words) => text(&mut pixmap, words),
        }
    }
    pixmap.encode_png().unwrap_or_default()
}

fn px(units: i32) -> f32 {
    units as f32 / UNITS as f32
}

fn color(token: Token, opacity_percent: u8) -> Color {
    let [_, r, g, b] = token.light().to_be_bytes();
    let alpha = (u32::from(opacity_percent.min(100)) * 255 / 100) as u8;
    Color::from_rgba8(r, g, b, alpha)
}

fn paint(token: Token, opacity_percent: u8) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(color(token, opacity_percent));
    paint
}

fn scaled() -> Transform {
    Transform::from_scale(SCALE as f32, SCALE as f32)
}

fn paths(lines: &[Vec<Point>], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for line in lines {
        for (index, at) in line.iter().enumerate() {
            if index == 0 {
                path.move_to(px(at.0), px(at.1));
            } else {
                path.line_to(px(at.0), px(at.1));
            }
        }
        if closed {
            path.close();
        }
    }
    path.finish()
}

fn fill(pixmap: &mut Pixmap, path: Option<Path>, token: Token, opacity_percent: u8) {
    if let Some(path) = path {
        pixmap.fill_path(&path, &paint(token, opacity_percent), FillRule::Winding, scaled(), None);
    }
}

fn stroke(pixmap: &mut Pixmap, path: Option<Path>, token: Token, opacity_percent: u8, width: u32) {
    if let Some(path) = path {
        let stroke = Stroke {
            width: px(width as i32),
            line_cap: LineCap::Butt,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        pixmap.stroke_path(&path, &paint(token, opacity_percent), &stroke, scaled(), None);
    }
}

fn text(pixmap: &mut Pixmap, text: &Text) {
    let size = f64::from(text.size_tenths) / 10.0;
    let width = font::width(&text.text, size, text.weight);
    let shift = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => width / 2.0,
        Anchor::End => width,
    };
    let at = (f64::from(px(text.at.0)) - shift, f64::from(px(text.at.1)));
    fill(pixmap, letters(&text.text, at, size, text.weight), text.token, 100);
}

fn letters(text: &str, at: (f64, f64), size: f64, weight: Weight) -> Option<Path> {
    let mut outline = Outline(PathBuilder::new());
    font::outline(text, at, size, weight, &mut outline);
    outline.0.finish()
}

struct Outline(PathBuilder);

impl ttf_parser::OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, y);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, y);
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.0.quad_to(x1, y1, x, y);
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.0.cubic_to(x1, y1, x2, y2, x, y);
    }
    fn close(&mut self) {
        self.0.close();
    }
}
