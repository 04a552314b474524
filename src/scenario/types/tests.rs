use super::*;
use crate::scenario::load::load;

#[test]
fn every_variant_has_an_example_that_is_right() {
    let mut seen = 0;
    for place in [
        "tasks: {\"a\": (steps: [@])}",
        "tasks: {\"a\": (steps: [Spawn(@, \"p\")])}",
        "tasks: {\"a\": (steps: [Sleep(@)])}",
        "tasks: {\"a\": (steps: [If(@, [])])}",
        "tasks: {\"a\": (steps: [Let(\"x\", @)])}",
        "tasks: {\"a\": (steps: [], arrive: @)}",
        "tasks: {}, models: [@]",
        "tasks: {}, models: [Hybrid(processes: 2, each: @)]",
        "tasks: {}, shared: {\"a\": @}",
        "tasks: {}, machine: (scheduler: @)",
        "tasks: {}, machine: (costs: @)",
        "tasks: {}, interpreter: @",
        "tasks: {}, sweep: @",
        "tasks: {}, charts: [@]",
        "tasks: {}, expect: [@]",
    ] {
        let text = |value: &str| format!("({})", place.replace('@', value));
        let Err(Wrong { code: Error::NoSuchEnumVariant { expected, outer, .. }, .. }) = parse(&text(NOBODY)) else {
            panic!("no choice at {place}");
        };
        let outer = outer.unwrap_or_default();
        assert_ne!(words::noun(&outer).1, "values", "{outer} has a name that a person would use");
        for variant in expected {
            let alone = load(&text(variant)).diagnostics;
            let Some(example) = words::example(variant).filter(|_| !alone.is_empty()) else {
                assert_eq!(alone, [], "{variant} needs an example");
                continue;
            };
            assert_eq!(load(&text(&example.replace("[..]", "[]"))).diagnostics, [], "{example}");
            assert!(example.starts_with(&format!("{variant}(")), "{example}");
            seen += 1;
        }
    }
    assert!(seen >= words::EXAMPLES.len(), "an example that no place takes");
}
