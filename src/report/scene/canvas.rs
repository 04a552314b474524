//! What charts draw on: a plotters drawing area over the recorder, in pixels.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, Drawable, PathElement, PointCollection, Polygon, Rectangle, Text};
use plotters::prelude::Cartesian2d;
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, ShapeStyle, TextStyle};
use plotters_backend::text_anchor::{HPos, Pos, VPos};

use super::recorder::Recorder;
use super::{Anchor, Point, Scene, Token, UNITS, Weight};

/// A position in pixels.
pub type Px = (f64, f64);

/// Pixels to units; what is not a number becomes 0.
pub fn units(px: f64) -> i32 {
    (px * f64::from(UNITS)).round() as i32
}

fn point(at: Px) -> Point {
    (units(at.0), units(at.1))
}

/// A plot area with data coordinates.
pub type Plot = Cartesian2d<RangedCoordf64, RangedCoordf64>;

/// A text to be placed.
#[derive(Clone, Debug)]
pub struct Label<'a> {
    text: &'a str,
    token: Token,
    size: f64,
    weight: Weight,
    anchor: Anchor,
}

impl<'a> Label<'a> {
    /// Ink, 13 px, regular, from the left.
    pub fn new(text: &'a str) -> Label<'a> {
        Label { text, token: Token::Ink, size: 13.0, weight: Weight::Regular, anchor: Anchor::Start }
    }

    /// In this color.
    pub fn token(self, token: Token) -> Label<'a> {
        Label { token, ..self }
    }

    /// Of this size.
    pub fn size(self, size: f64) -> Label<'a> {
        Label { size, ..self }
    }

    /// Semi-bold.
    pub fn bold(self) -> Label<'a> {
        Label { weight: Weight::SemiBold, ..self }
    }

    /// Centred on its place.
    pub fn middle(self) -> Label<'a> {
        Label { anchor: Anchor::Middle, ..self }
    }

    /// Ending at its place.
    pub fn end(self) -> Label<'a> {
        Label { anchor: Anchor::End, ..self }
    }
}

/// The drawing surface of one picture.
pub struct Canvas {
    scene: Rc<RefCell<Scene>>,
    area: DrawingArea<Recorder, Shift>,
}

impl Canvas {
    /// An empty picture of this size in pixels.
    pub fn new(width: u32, height: u32, title: &str) -> Canvas {
        let scene = Rc::new(RefCell::new(Scene::new(width, height, title)));
        let area = Recorder(Rc::clone(&scene)).into_drawing_area();
        Canvas { scene, area }
    }

    /// What was drawn.
    pub fn finish(self) -> Scene {
        drop(self.area);
        Rc::try_unwrap(self.scene).map_or_else(|shared| shared.borrow().clone(), RefCell::into_inner)
    }

    fn draw<E>(&self, element: &E)
    where
        for<'a> &'a E: PointCollection<'a, Point>,
        E: Drawable<Recorder>,
    {
        self.area.draw(element).expect("recording cannot fail");
    }

    /// A filled rectangle.
    pub fn rect(&self, token: Token, from: Px, to: Px) {
        self.rect_at(token, 1.0, from, to);
    }

    /// A filled rectangle that lets some of what is below through.
    pub fn rect_at(&self, token: Token, opacity: f64, from: Px, to: Px) {
        let (a, b) = (point(from), point(to));
        if a.0 != b.0 && a.1 != b.1 {
            self.draw(&Rectangle::new([a, b], token.color().mix(opacity).filled()));
        }
    }

    /// A filled polygon.
    pub fn polygon(&self, token: Token, ring: &[Px]) {
        let ring: Vec<Point> = ring.iter().map(|at| point(*at)).collect();
        if ring.len() > 2 {
            self.draw(&Polygon::new(ring, token.color().to_rgba()));
        }
    }

    /// An open line of this width.
    pub fn line(&self, token: Token, width: f64, line: &[Px]) {
        let line: Vec<Point> = line.iter().map(|at| point(*at)).collect();
        let style = ShapeStyle { color: token.color().to_rgba(), filled: false, stroke_width: units(width) as u32 };
        self.draw(&PathElement::new(line, style));
    }

    /// A disc.
    pub fn dot(&self, token: Token, center: Px, radius: f64) {
        self.draw(&Circle::new(point(center), units(radius), token.color().filled()));
    }

    /// A ring with the paper inside.
    pub fn ring(&self, token: Token, center: Px, radius: f64) {
        let radius = units(radius);
        self.draw(&Circle::new(point(center), radius, Token::Bg.color().filled()));
        let style = ShapeStyle { color: token.color().to_rgba(), filled: false, stroke_width: units(1.6) as u32 };
        self.draw(&Circle::new(point(center), radius, style));
    }

    /// Words with their baseline at `at`.
    pub fn text(&self, at: Px, label: &Label<'_>) {
        let font = match label.weight {
            Weight::Regular => FontStyle::Normal,
            Weight::SemiBold => FontStyle::Bold,
        };
        let h_pos = match label.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let style = TextStyle {
            font: FontDesc::new(FontFamily::SansSerif, label.size, font),
            color: label.token.color().to_backend_color(),
            pos: Pos::new(h_pos, VPos::Bottom),
        };
        if !label.text.is_empty() {
            self.draw(&Text::new(label.text.to_owned(), point(at), style));
        }
    }

    /// Data coordinates over the rectangle `x` times `y` in pixels; `y.start` is the bottom.
    pub fn plot(&self, data: (Range<f64>, Range<f64>), x: Range<f64>, y: Range<f64>) -> DrawingArea<Recorder, Plot> {
        let pixels = (units(x.start)..units(x.end), units(y.start)..units(y.end));
        self.area.clone().apply_coord_spec(Cartesian2d::new(data.0, data.1, pixels))
    }
}

/// Draws a line of data points in a plot area.
pub fn data_line(plot: &DrawingArea<Recorder, Plot>, token: Token, width: f64, points: Vec<(f64, f64)>) {
    let style = ShapeStyle { color: token.color().to_rgba(), filled: false, stroke_width: units(width) as u32 };
    plot.draw(&PathElement::new(points, style)).expect("recording cannot fail");
}
