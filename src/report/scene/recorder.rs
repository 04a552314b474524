//! A plotters back end that paints nothing and remembers everything.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use plotters_backend::text_anchor::HPos;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
};

use super::{Anchor, Scene, Shape, Text, Token, UNITS, Weight};

/// The back end: every call becomes a shape of the shared scene.
pub struct Recorder(pub(crate) Rc<RefCell<Scene>>);

type Done = Result<(), DrawingErrorKind<Infallible>>;

fn style(color: BackendColor) -> (Token, u8) {
    (Token::from_red(color.rgb.0), (color.alpha * 100.0).round().clamp(0.0, 100.0) as u8)
}

impl DrawingBackend for Recorder {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        let scene = self.0.borrow();
        (scene.width * UNITS as u32, scene.height * UNITS as u32)
    }

    fn ensure_prepared(&mut self) -> Done {
        Ok(())
    }

    fn present(&mut self) -> Done {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Done {
        self.0.borrow_mut().fill(style(color), vec![(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)]);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, line: &S) -> Done {
        self.draw_path([from, to], line)
    }

    fn draw_rect<S: BackendStyle>(&mut self, a: BackendCoord, b: BackendCoord, rect: &S, fill: bool) -> Done {
        let ring = vec![a, (b.0, a.1), b, (a.0, b.1)];
        if fill {
            self.0.borrow_mut().fill(style(rect.color()), ring);
            return Ok(());
        }
        self.draw_path(ring.into_iter().chain([a]), rect)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, line: &S) -> Done {
        let (token, opacity) = style(line.color());
        let mut points: Vec<BackendCoord> = path.into_iter().collect();
        points.dedup();
        if points.len() > 1 {
            self.0.borrow_mut().stroke((token, opacity, line.stroke_width()), points);
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, center: BackendCoord, radius: u32, ring: &S, fill: bool) -> Done {
        let width = (!fill).then(|| ring.stroke_width());
        let token = style(ring.color()).0;
        self.0.borrow_mut().shapes.push(Shape::Circle { token, center, radius, width });
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, ring: I, area: &S) -> Done {
        self.0.borrow_mut().fill(style(area.color()), ring.into_iter().collect());
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, words: &S, at: BackendCoord) -> Done {
        let anchor = match words.anchor().h_pos {
            HPos::Left => Anchor::Start,
            HPos::Center => Anchor::Middle,
            HPos::Right => Anchor::End,
        };
        let weight = match words.style() {
            FontStyle::Bold => Weight::SemiBold,
            FontStyle::Normal | FontStyle::Oblique | FontStyle::Italic => Weight::Regular,
        };
        self.0.borrow_mut().shapes.push(Shape::Text(Text {
            token: style(words.color()).0,
            at,
            anchor,
            size_tenths: (words.size() * 10.0).round() as u32,
            weight,
            text: text.to_owned(),
        }));
        Ok(())
    }
}
