//! What goes to the terminal, and how.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use gilsim::scenario::control::{acts, visible};
use gilsim::scenario::diagnostic::Diagnostic;
use gilsim::scenario::render;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Exit;
use super::execute::Done;
use super::load::{Refused, Source, Why};

/// Columns of a page when there is no terminal to ask.
const PAGE: u16 = 100;

/// What the standard streams can show.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Whether standard output takes colors.
    pub color: bool,
    /// Whether standard error does.
    color_err: bool,
    /// Columns of standard output.
    pub width: u16,
    /// Whether a person looks at standard output; else lines may be as long as they are.
    pub is_terminal: bool,
}

impl Terminal {
    /// Looks at the environment. `NO_COLOR` turns colors off, whatever its value.
    pub fn detect() -> Terminal {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let width = terminal_size::terminal_size().map_or(PAGE, |(width, _)| width.0.clamp(60, 200));
        Terminal {
            color: !plain && io::stdout().is_terminal(),
            color_err: !plain && io::stderr().is_terminal(),
            width: if io::stdout().is_terminal() { width } else { PAGE },
            is_terminal: io::stdout().is_terminal(),
        }
    }

    pub fn bold(&self, text: &str) -> String {
        self.styled("1", text)
    }

    pub fn muted(&self, text: &str) -> String {
        self.styled("2", text)
    }

    /// A word for an expectation.
    pub fn mark(&self, holds: bool) -> String {
        if holds { self.styled("32", "pass") } else { self.styled("1;31", "FAIL") }
    }

    /// A word for what is not known.
    pub fn unsure(&self) -> String {
        self.styled("33", "????")
    }

    fn styled(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Prints to standard output, without what could act on the terminal. A reader that has gone is no failure.
    pub fn print(&self, text: &str) -> Exit {
        self.write(&harmless(text, self.color))
    }

    /// Prints JSON, which is the same document afterwards.
    pub fn print_json(&self, text: &str) -> Exit {
        self.write(&json(text))
    }

    fn write(&self, text: &str) -> Exit {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.complain(&format!("cannot print: {error}"));
                Exit::Output
            }
            _ => Exit::Expected,
        }
    }

    /// Prints to standard error, as well as that goes.
    fn say(&self, text: &str) {
        let _ = io::stderr().lock().write_all(harmless(text, self.color_err).as_bytes());
    }

    /// An error in words.
    pub fn complain(&self, words: &str) {
        let error = if self.color_err { "\x1b[1;31merror\x1b[0m" } else { "error" };
        self.say(&format!("{error}: {}\n", visible(words)));
    }

    /// What is wrong with a text, where.
    pub fn diagnostics(&self, source: &Source, diagnostics: &[Diagnostic]) {
        if !diagnostics.is_empty() {
            self.say(&render::render(&source.shown(), &source.text, diagnostics, self.color_err));
        }
    }

    /// Why a file is no scenario.
    pub fn refused(&self, refused: &Refused) {
        match &refused.why {
            Why::Words(words) => self.complain(&format!("{}: {words}", refused.source.shown())),
            Why::Diagnostics(diagnostics) => self.diagnostics(&refused.source, diagnostics),
        }
    }

    /// What went wrong beyond figures.
    pub fn failures(&self, done: &Done) {
        if let Some(difference) = &done.results.difference {
            self.complain(&format!("{}: not deterministic: {difference}", done.results.report.name));
        }
        match &done.published {
            Err(error) => self.complain(&error.to_string()),
            // They would show another run than the figures beside them.
            Ok(folder) if done.lost > 0 => self.say(&format!(
                "note: {} picture files of an earlier run were removed from {}; without --no-charts they are drawn again\n",
                done.lost,
                folder.display()
            )),
            Ok(_) => {}
        }
    }

    /// A progress bar on standard error; nothing if that is no terminal.
    pub fn bar(&self, runs: u64) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(runs), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar
    }
}

/// Text for a terminal: lines, and styles if it takes any. All else that would act is written out: names of files and
/// texts of others end up here.
fn harmless(text: &str, styles: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(acts) {
        let (plain, from) = rest.split_at(at);
        out.push_str(plain);
        let own = if styles { style(from) } else { 0 };
        let own = if from.starts_with('\n') { 1 } else { own };
        if own > 0 {
            out.push_str(&from[..own]);
            rest = &from[own..];
        } else {
            let mut chars = from.chars();
            out.extend(chars.next().into_iter().flat_map(char::escape_default));
            rest = chars.as_str();
        }
    }
    out + rest
}

/// The length of an escape sequence for a style at the start of the text; 0 if there is none.
fn style(text: &str) -> usize {
    let Some(codes) = text.strip_prefix("\x1b[") else { return 0 };
    let end = codes.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(codes.len());
    if codes[end..].starts_with('m') { end + 3 } else { 0 }
}

/// JSON with everything that would act as `\uXXXX`. Outside of strings there are only line ends.
fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && acts(c) {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_styles_of_our_own_reach_the_terminal() {
        let text = "\x1b[1mbold\x1b[0m\n\x1b[2J\x1b]0;title\x07\u{202e}x\r\x1b";
        let safe = "\\u{1b}[2J\\u{1b}]0;title\\u{7}\\u{202e}x\\r\\u{1b}";
        assert_eq!(harmless(text, true), format!("\x1b[1mbold\x1b[0m\n{safe}"));
        assert_eq!(harmless(text, false), format!("\\u{{1b}}[1mbold\\u{{1b}}[0m\n{safe}"));
    }

    #[test]
    fn json_stays_the_same_document() {
        let document = "{\n\"a\": \"\u{202e}\u{9b}x\"\n}\n";
        assert_eq!(json(document), "{\n\"a\": \"\\u202e\\u009bx\"\n}\n");
        let same: serde_json::Value = serde_json::from_str(&json(document)).unwrap();
        assert_eq!(same, serde_json::from_str::<serde_json::Value>(document).unwrap());
    }
}
