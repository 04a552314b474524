//! Any bytes: the compiler answers, its places lie on character boundaries, and what it accepts can be drawn and compiled again.
#![no_main]

use gilsim::scenario::{self, load, render};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (text, _) = load::decode(bytes);
    let said = match scenario::compile("fuzz", &text, &[]) {
        Ok(compiled) => compiled.warnings,
        Err(errors) => {
            assert!(!errors.is_empty(), "a refusal says why");
            errors
        }
    };
    for diagnostic in &said {
        for label in &diagnostic.labels {
            assert!(text.get(label.span.clone()).is_some(), "{diagnostic:?}");
        }
    }
    let _ = render::render("fuzz.ron", &text, &said, false);
});
