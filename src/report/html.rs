//! Pages: one for a scenario, one for a batch. They need no network, run no script, and escape every text.

use std::fmt::Write;

use super::scene::svg::{escape, font_faces};
use super::scene::token::Token;
use super::tables::{self, Grid};
use crate::metrics::figures::{Checked, Point, Report};

/// A picture that a page shows, by the address of its file relative to the page.
#[derive(Clone, Debug)]
pub struct Shown {
    /// `timeline-serial.svg`.
    pub href: String,
    /// What it shows.
    pub title: String,
}

/// One line of a batch.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Address of its page relative to the batch page.
    pub href: String,
    /// Title of the scenario.
    pub title: String,
    /// Its first picture.
    pub picture: Option<Shown>,
    /// Its first verdict.
    pub verdict: String,
    /// Expectations that held, and all.
    pub held: (usize, usize),
    /// Whether the scenario passed: every expectation held and every run ended as it should.
    pub passed: bool,
}

/// The page of one scenario: verdicts, expectations, figures, pictures, and its text.
pub fn scenario(report: &Report, pictures: &[Shown], text: &str) -> String {
    let mut out = head(&report.title);
    let _ = writeln!(out, "<h1>{}</h1>", escape(&report.title));
    out.push_str(LINKS);
    if let Some(summary) = tables::sweep(report) {
        grid(&mut out, &summary);
    }
    for point in &report.points {
        describe(&mut out, point, report.points.len() > 1);
    }
    for picture in pictures {
        let (href, title) = (address(&picture.href), escape(&picture.title));
        let _ = writeln!(out, "<figure><a href=\"{href}\"><img src=\"{href}\" alt=\"{title}\"></a></figure>");
    }
    if !text.is_empty() {
        let _ = writeln!(out, "<h2>Scenario</h2>\n<pre>{}</pre>", escape(text));
    }
    out.push_str("</main>\n");
    out
}

/// The page of a batch: a card for every scenario.
pub fn batch(title: &str, entries: &[Entry]) -> String {
    let mut out = head(title);
    let passed = entries.iter().filter(|entry| entry.passed).count();
    let _ = writeln!(out, "<h1>{}</h1>", escape(title));
    let _ =
        writeln!(out, "<p class=\"muted\">{passed} of {} scenarios passed</p>\n<div class=\"cards\">", entries.len());
    for entry in entries {
        let _ = writeln!(out, "<a class=\"card\" href=\"{}\">", address(&entry.href));
        if let Some(picture) = &entry.picture {
            let (href, title) = (address(&picture.href), escape(&picture.title));
            let _ = writeln!(out, "<img src=\"{href}\" alt=\"{title}\" loading=\"lazy\">");
        }
        let _ = writeln!(out, "<h2>{} {}</h2>", mark(entry.passed), escape(&entry.title));
        let _ = writeln!(out, "<p>{}</p>", escape(&entry.verdict));
        if entry.held.1 > 0 {
            let _ = writeln!(out, "<p class=\"muted\">{} of {} expectations hold</p>", entry.held.0, entry.held.1);
        }
        out.push_str("</a>\n");
    }
    out.push_str("</div>\n</main>\n");
    out
}

fn head(title: &str) -> String {
    let colors = |color: fn(Token) -> u32| -> String {
        let tokens = [Token::Bg, Token::Ink, Token::Muted, Token::Grid, Token::Band, Token::Run, Token::S2t];
        tokens.map(|token| format!("--{}:#{:06x};", token.class(), color(token))).concat()
    };
    let (light, dark) = (colors(Token::light), colors(Token::dark));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{}</title>\n<style>\n{}:root{{color-scheme:light dark;{light}}}\n\
         @media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{STYLE}</style>\n<main>\n",
        escape(title),
        font_faces()
    )
}

/// To the data, and to the page of a batch, which is only there after one.
const LINKS: &str = "<p class=\"muted\"><a href=\"figures.json\">figures.json</a> · \
     <a href=\"../index.html\">all scenarios</a> (after a batch)</p>\n";

const STYLE: &str = "\
body{background:var(--bg);color:var(--ink);font:15px/1.5 'gilsim Inter',Inter,system-ui,sans-serif;margin:0}
main{max-width:1200px;margin:0 auto;padding:28px 24px 64px}
h1{font-size:26px;line-height:1.2;font-weight:600;margin:0 0 8px}
h2{font-size:18px;font-weight:600;margin:36px 0 8px}
.muted{color:var(--muted)}
ul{padding:0;list-style:none;margin:8px 0}li{margin:4px 0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{font-weight:600;color:var(--muted);font-size:13px}
th,td{padding:8px 10px;text-align:right;border-bottom:1px solid var(--grid);white-space:nowrap}
th.name,td.name{text-align:left}
h3{font-size:14px;font-weight:600;margin:24px 0 4px}a{color:inherit}
.pass,.fail{font-size:12px;font-weight:600;color:var(--bg);border-radius:4px;padding:2px 7px}
.pass{background:var(--run)}.fail{background:var(--s2t)}
code,pre{font:13px/1.5 ui-monospace,monospace}
pre{background:var(--band);padding:16px;border-radius:8px;overflow-x:auto}
figure{margin:36px 0 0}img{max-width:100%;height:auto;display:block}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(340px,1fr));gap:20px;margin-top:20px}
.card{display:block;background:var(--band);border-radius:10px;padding:14px;color:inherit;text-decoration:none}
.card img{width:100%;aspect-ratio:8/3;object-fit:cover;object-position:top left;border-radius:6px;background:var(--bg)}
.card h2{font-size:15px;margin:12px 0 4px}.card p{margin:4px 0;font-size:13px}
";

fn describe(out: &mut String, point: &Point, swept: bool) {
    let settings: Vec<String> = point.settings.iter().map(|(path, value)| format!("{path} = {value}")).collect();
    if swept {
        let _ = writeln!(out, "<h2>{}</h2>", escape(&settings.join(", ")));
    }
    let _ = writeln!(out, "<p class=\"muted\">{}</p>", escape(&tables::circumstances(point)));
    list(out, point.verdicts.iter().map(|verdict| escape(verdict)));
    list(out, point.expectations.iter().map(expectation));
    grid(out, &tables::overview(point));
    tables::details(point).iter().for_each(|details| grid(out, details));
    for (title, lines) in tables::prints(point) {
        let _ = writeln!(out, "<h3>{}</h3>\n<pre>{}</pre>", escape(&title), escape(&lines.join("\n")));
    }
    if let Some(path) = tables::critical_path(point) {
        let _ = writeln!(out, "<p>{}</p>", escape(&path));
    }
    for model in &point.models {
        for run in model.runs.iter().filter(|run| !run.explanation.is_empty()) {
            let words = escape(&run.explanation.join("\n"));
            let (name, outcome) = (escape(&model.model), escape(&run.outcome));
            let _ = writeln!(out, "<h2>{name}, seed {}: {outcome}</h2>\n<pre>{words}</pre>", run.seed);
        }
    }
}

fn list(out: &mut String, items: impl Iterator<Item = String>) {
    let items: String = items.map(|item| format!("<li>{item}</li>\n")).collect();
    if !items.is_empty() {
        let _ = write!(out, "<ul>\n{items}</ul>\n");
    }
}

fn mark(holds: bool) -> &'static str {
    if holds { "<span class=\"pass\">pass</span>" } else { "<span class=\"fail\">fail</span>" }
}

fn expectation(checked: &Checked) -> String {
    let found = if checked.found.is_empty() { String::new() } else { format!(" – {}", escape(&checked.found)) };
    format!("{} <code>{}</code>{found}", mark(checked.holds), escape(&checked.expectation))
}

/// A table as the terminal has it.
fn grid(out: &mut String, grid: &Grid) {
    if !grid.title.is_empty() {
        let _ = writeln!(out, "<h3>{}</h3>", escape(&grid.title));
    }
    let cell = |tag: &str, column: usize, text: &str| {
        let class = if column < grid.names { " class=\"name\"" } else { "" };
        format!("<{tag}{class}>{}</{tag}>", escape(text))
    };
    let row = |tag: &str, cells: &[String]| -> String {
        let cells: String = cells.iter().enumerate().map(|(column, text)| cell(tag, column, text)).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = grid.rows.iter().map(|cells| row("td", cells)).collect();
    let _ = writeln!(out, "<div class=\"scroll\"><table>\n{}{rows}</table></div>", row("th", &grid.heads));
}

/// A relative address: bytes that mean something in an address or in HTML are percent-encoded.
fn address(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;
    use crate::metrics::figures::{Interval, ModelFigures};

    fn report() -> Report {
        let model = ModelFigures {
            model: "Threads(4) <&>".to_owned(),
            runs: vec![super::super::tests::figures()],
            makespan: Interval { mean: 2.5e9, half_width: 1e6 },
            throughput: Interval { mean: 1_342.0, half_width: 0.0 },
            response: Interval { mean: f64::NAN, half_width: 0.0 },
            speedup: None,
        };
        let checked = Checked { expectation: "Deadlock".to_owned(), holds: false, found: "<b>finished</b>".to_owned() };
        let point = Point {
            settings: IndexMap::new(),
            machine: "4 cores".to_owned(),
            baseline: "Serial".to_owned(),
            models: vec![model],
            verdicts: vec!["Threads(4) win".to_owned()],
            expectations: vec![checked],
        };
        Report {
            title: "a \"title\" <script>".to_owned(),
            name: "a".to_owned(),
            behaviour: crate::trace::BEHAVIOUR,
            verdict: String::new(),
            points: vec![point],
        }
    }

    #[test]
    fn a_page_escapes_every_text() {
        let shown = Shown { href: "a b\".svg".to_owned(), title: "\"><x".to_owned() };
        let page = scenario(&report(), &[shown], "(title: \"</pre>\")");
        for forbidden in ["<script", "<b>", "</pre>\")", "\"><x", "NaN", "http:", "https:"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("src=\"a%20b%22.svg\"") && page.contains("2.5 s ±0.0%"), "{page}");
    }

    #[test]
    fn a_batch_counts_what_passed() {
        let entry = |passed| Entry {
            href: "a/index.html".to_owned(),
            title: "a < b".to_owned(),
            picture: Some(Shown { href: "a/timeline.svg".to_owned(), title: "t".to_owned() }),
            verdict: "v".to_owned(),
            held: (1, 2),
            passed,
        };
        let page = batch("All", &[entry(true), entry(false)]);
        assert!(page.contains("1 of 2 scenarios passed") && page.contains("a &lt; b"));
    }
}
