//! What is wrong with a scenario, where, and what to write instead: data, so that it can be drawn, listed or tested.

use std::ops::Range;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The scenario cannot run.
    Error,
    /// It can run, but probably not as meant.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// `S..` syntax, `T..` types, `E..` meaning; the name of a warning, as `allow` takes it.
    pub code: &'static str,
    /// What is wrong, in one line.
    pub title: String,
    /// Where, and what about it; the first is the culprit, the others help to understand. Never empty.
    pub labels: Vec<Label>,
    /// Further advice.
    pub help: Option<String>,
    /// A text that would be right.
    pub fix: Option<Fix>,
    /// The argument of the command line that is wrong, such as `--set machine.core=2`: all spans are of it, and not of the
    /// file.
    pub argument: Option<String>,
}

/// A place in the text and what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Bytes of the text, on character boundaries.
    pub span: Range<usize>,
    /// A few words.
    pub text: String,
}

/// A replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Bytes to replace; empty to insert.
    pub span: Range<usize>,
    /// What to write there.
    pub text: String,
}

impl Diagnostic {
    /// An error at one place.
    pub fn error(code: &'static str, title: impl Into<String>, span: Range<usize>, text: impl Into<String>) -> Self {
        let labels = vec![Label { span, text: text.into() }];
        Diagnostic {
            severity: Severity::Error,
            code,
            title: title.into(),
            labels,
            help: None,
            fix: None,
            argument: None,
        }
    }

    /// A warning at one place; `name` is what `allow` takes.
    pub fn warning(name: &'static str, title: impl Into<String>, span: Range<usize>, text: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(name, title, span, text) }
    }

    /// One more place.
    #[must_use]
    pub fn label(mut self, span: Range<usize>, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A sure replacement.
    #[must_use]
    pub fn fix(mut self, span: Range<usize>, text: impl Into<String>) -> Self {
        self.fix = Some(Fix { span, text: text.into() });
        self
    }
}
