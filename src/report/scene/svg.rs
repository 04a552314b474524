//! A scene as SVG: colors by class, light and dark, neighbouring shapes of one style in one path.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::font::{REGULAR_WOFF2, SEMI_BOLD_WOFF2};
use super::{Anchor, Point, Scene, Shape, Text, Token, Weight};

/// The picture as a file of its own, with its font inside.
pub fn write(scene: &Scene) -> String {
    let mut out = String::new();
    let title = escape(&scene.title);
    let (width, height) = (scene.width, scene.height);
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>"
    );
    style(scene, &mut out);
    let _ = writeln!(out, "<path class=\"bg\" d=\"M0 0h{width}v{height}H0z\"/>");
    for shape in &scene.shapes {
        match shape {
            Shape::Fill { token, opacity_percent, rings } => fill(&mut out, (*token, *opacity_percent), rings),
            Shape::Stroke { token, opacity_percent, width, lines } => {
                stroke(&mut out, (*token, *opacity_percent, *width), lines);
            }
            Shape::Circle { token, center, radius, width } => circle(&mut out, *token, *center, *radius, *width),
            Shape::Text(words) => text(&mut out, words),
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Text with the five characters that mean something to XML escaped, and characters that XML forbids left out.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' => {}
            c => out.push(c),
        }
    }
    out
}

/// The `@font-face` rules with the fonts inside.
pub fn font_faces() -> String {
    let mut out = String::new();
    for (weight, bytes) in [(400, REGULAR_WOFF2), (600, SEMI_BOLD_WOFF2)] {
        let _ = writeln!(
            out,
            "@font-face{{font-family:'gilsim Inter';font-weight:{weight};src:url(data:font/woff2;base64,{}) \
             format('woff2')}}",
            base64(bytes)
        );
    }
    out
}

fn style(scene: &Scene, out: &mut String) {
    let (mut fills, mut strokes) = (BTreeSet::from([Token::Bg]), BTreeSet::new());
    for shape in &scene.shapes {
        match shape {
            Shape::Fill { token, .. } | Shape::Circle { token, width: None, .. } => fills.insert(*token),
            Shape::Text(text) => fills.insert(text.token),
            Shape::Stroke { token, .. } | Shape::Circle { token, width: Some(_), .. } => strokes.insert(*token),
        };
    }
    let rules = |color: fn(Token) -> u32| -> String {
        let fills = fills.iter().map(|token| format!(".{}{{fill:#{:06x}}}", token.class(), color(*token)));
        let strokes = strokes.iter().map(|token| format!(".k-{}{{stroke:#{:06x}}}", token.class(), color(*token)));
        fills.chain(strokes).collect()
    };
    out.push_str("<style>\n");
    out.push_str(&font_faces());
    out.push_str(
        "text{font-family:'gilsim Inter',Inter,system-ui,sans-serif;font-kerning:none;\
         font-variant-numeric:tabular-nums}.b{font-weight:600}.l{fill:none;stroke-linejoin:round}\n",
    );
    let _ = writeln!(out, "{}", rules(Token::light));
    let _ = writeln!(out, "@media (prefers-color-scheme:dark){{{}}}", rules(Token::dark));
    out.push_str("</style>\n");
}

/// Units as pixels, with as few of at most two decimals as will do.
fn number(units: i32) -> String {
    let hundredths = i64::from(units) * 5;
    let sign = if hundredths < 0 { "-" } else { "" };
    let (whole, part) = (hundredths.abs() / 100, hundredths.abs() % 100);
    match (part, part % 10) {
        (0, _) => format!("{sign}{whole}"),
        (_, 0) => format!("{sign}{whole}.{}", part / 10),
        _ => format!("{sign}{whole}.{part:02}"),
    }
}

/// Adds a path with relative steps; they are whole units, so nothing adds up to an error.
fn path(out: &mut String, points: &[Point], end: &str) {
    let Some(first) = points.first() else { return };
    let _ = write!(out, "M{} {}", number(first.0), number(first.1));
    let mut last = *first;
    for at in &points[1..] {
        let (dx, dy) = (at.0 - last.0, at.1 - last.1);
        match (dx, dy) {
            (0, 0) => {}
            (_, 0) => {
                let _ = write!(out, "h{}", number(dx));
            }
            (0, _) => {
                let _ = write!(out, "v{}", number(dy));
            }
            _ => {
                let _ = write!(out, "l{} {}", number(dx), number(dy));
            }
        }
        last = *at;
    }
    out.push_str(end);
}

fn opacity(name: &str, percent: u8) -> String {
    if percent == 100 { String::new() } else { format!(" {name}-opacity=\"{}\"", f64::from(percent) / 100.0) }
}

fn fill(out: &mut String, (token, percent): (Token, u8), rings: &[Vec<Point>]) {
    let _ = write!(out, "<path class=\"{}\"{} d=\"", token.class(), opacity("fill", percent));
    for ring in rings {
        path(out, ring, "z");
    }
    out.push_str("\"/>\n");
}

fn stroke(out: &mut String, (token, percent, width): (Token, u8, u32), lines: &[Vec<Point>]) {
    let opacity = opacity("stroke", percent);
    let width = number(width as i32);
    let _ = write!(out, "<path class=\"l k-{}\"{opacity} stroke-width=\"{width}\" d=\"", token.class());
    for line in lines {
        path(out, line, "");
    }
    out.push_str("\"/>\n");
}

fn circle(out: &mut String, token: Token, center: Point, radius: u32, width: Option<u32>) {
    let (x, y, r) = (number(center.0), number(center.1), number(radius as i32));
    let _ = match width {
        None => writeln!(out, "<circle class=\"{}\" cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>", token.class()),
        Some(width) => writeln!(
            out,
            "<circle class=\"l k-{}\" stroke-width=\"{}\" cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>",
            token.class(),
            number(width as i32)
        ),
    };
}

fn text(out: &mut String, text: &Text) {
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let bold = if text.weight == Weight::SemiBold { " b" } else { "" };
    let _ = writeln!(
        out,
        "<text class=\"{}{bold}\" x=\"{}\" y=\"{}\" font-size=\"{}\"{anchor}>{}</text>",
        text.token.class(),
        number(text.at.0),
        number(text.at.1),
        f64::from(text.size_tenths) / 10.0,
        escape(&text.text)
    );
}

/// Standard base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = ALPHABET[(word >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn numbers_have_at_most_two_decimals() {
        assert_eq!([0, 20, 21, 30, -1, -25].map(number), ["0", "1", "1.05", "1.5", "-0.05", "-1.25"]);
    }

    #[test]
    fn shapes_of_one_style_share_a_path_and_text_is_escaped() {
        let mut scene = Scene::new(10, 10, "a < \"b\"");
        for x in [0, 40] {
            scene.fill((Token::Run, 100), vec![(x, 0), (x + 20, 0), (x + 20, 20), (x, 20)]);
        }
        let svg = write(&scene);
        assert!(svg.contains("<path class=\"run\" d=\"M0 0h1v1h-1zM2 0h1v1h-1z\"/>"), "{svg}");
        assert!(svg.contains("<title>a &lt; &quot;b&quot;</title>"));
    }
}
