//! The words of the language: which one was meant, how things are called, and an example of each.

mod synonyms;

use crate::kernel::policy::POLICIES;

pub(super) use super::examples::EXAMPLES;
use synonyms::SYNONYMS;

/// Units of time.
pub(super) const UNITS: &[&str] = &["ns", "us", "ms", "s", "min", "h"];

/// Words of other worlds, and what there is here.
const INSTEAD: &[(&str, &str)] = &[
    ("threadpool", "of n workers: `Threads(n)`"),
    ("gil", "without a GIL: the model `FreeThreaded(n)`, or `interpreter: Native`"),
    ("nogil", "without a GIL: the model `FreeThreaded(n)`, or `interpreter: Native`"),
    ("freethreaded", "without a GIL: the model `FreeThreaded(n)`, or `interpreter: Native`"),
];

/// What there is instead of something that this language does not have.
pub(super) fn instead(found: &str) -> Option<&'static str> {
    let found = found.to_lowercase().replace('_', "");
    INSTEAD.iter().find(|(word, _)| *word == found).map(|(_, advice)| *advice)
}

/// A right use of the variant.
pub(super) fn example(name: &str) -> Option<&'static str> {
    let policies =
        POLICIES.iter().map(|policy| policy.example).filter_map(|text| Some((text.split_once('(')?.0, text)));
    EXAMPLES.iter().copied().chain(policies).find(|(variant, _)| *variant == name).map(|(_, example)| example)
}

/// How the variant is written, with all that may be left out.
pub(super) fn usage(name: &str) -> Option<&'static str> {
    let of = |text: &'static str| text.split('(').next() == Some(name);
    POLICIES.iter().map(|policy| policy.spelling).find(|text| of(text)).or_else(|| example(name))
}

/// What a person calls a type: one of it, and many.
pub(super) fn noun(rust_type: &str) -> (&str, &str) {
    match rust_type {
        "Scenario" => ("scenario", "scenarios"),
        "Machine" => ("machine", "machines"),
        "Device" => ("device", "devices"),
        "Peer" => ("peer", "peers"),
        "Clients" => ("description of clients", "descriptions of clients"),
        "Wake" => ("rule for wake-ups", "rules for wake-ups"),
        "Loses" => ("core", "rules for which core is lost"),
        "Selector" => ("selector", "selectors"),
        "Counted" => ("count", "counts"),
        "Task" => ("task", "tasks"),
        "PolicyConfig" => ("scheduler", "schedulers"),
        "Joins" => ("tie rule", "tie rules"),
        "Ties" => ("tie rule", "tie rules"),
        "Equals" => ("rule among equals", "rules among equals"),
        "Keeps" => ("rule for who keeps the core", "rules for who keeps the core"),
        "WakeupPreemption" => ("rule for threads that wake", "rules for threads that wake"),
        "Preference" => ("preference", "preferences"),
        "Throttle" => ("throttle", "throttles"),
        "Timer" => ("rule for the timer", "rules for the timer"),
        "Woken" => ("time to run", "times to run"),
        "SwitchCharged" => ("rule for switches", "rules for switches"),
        "Smt" => ("description of shared cores", "descriptions of shared cores"),
        "Caches" => ("description of caches", "descriptions of caches"),
        "Queues" => ("arrangement of run queues", "arrangements of run queues"),
        "CostsName" => ("set of costs", "sets of costs"),
        "Interpreter" => ("interpreter", "interpreters"),
        "Late" => ("rule for late jobs", "rules for late jobs"),
        "Protocol" => ("protocol", "protocols"),
        "Counting" => ("way to count", "ways to count"),
        "CheckPoints" => ("set of check points", "sets of check points"),
        "Shared" => ("kind of shared object", "kinds of shared objects"),
        "Arrive" => ("kind of arrivals", "kinds of arrivals"),
        "Step" => ("step", "steps"),
        "Condition" => ("condition", "conditions"),
        "Computed" => ("computed number", "computed numbers"),
        "Exceptions" => ("way of exceptions", "ways of exceptions"),
        "ReturnWhen" => ("end of a wait", "ends of waits"),
        "SpawnWhat" => ("kind of child", "kinds of children"),
        "StartMethod" => ("start method", "start methods"),
        "ModelName" | "Each" => ("execution model", "execution models"),
        "Sweep" => ("kind of sweep", "kinds of sweeps"),
        "ChartName" => ("chart", "charts"),
        "Expect" => ("expectation", "expectations"),
        "Random" => ("distribution", "distributions"),
        other => (other, "values"),
    }
}

/// `an` or `a`.
pub(super) fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// The known word that was probably meant; `None` if none is near or two are equally near.
pub fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |word: &str| word.to_lowercase().replace(['_', '-'], "");
    let wanted = plain(found);
    let same = known.iter().find(|word| plain(word) == wanted);
    let synonym = || {
        let fitting = SYNONYMS.iter().filter(|(wrong, _)| plain(wrong) == wanted);
        fitting.filter_map(|(_, right)| known.iter().find(|word| *word == right)).next()
    };
    same.or_else(synonym).copied().or_else(|| typing_slip(&wanted, known)).or_else(|| beginning(&wanted, known))
}

fn typing_slip<'a>(wanted: &str, known: &[&'a str]) -> Option<&'a str> {
    let allowed = (wanted.chars().count() / 3).max(1);
    let distance = |word: &&str| strsim::damerau_levenshtein(wanted, &word.to_lowercase().replace('_', ""));
    // A word of one or two letters is one slip away from everything.
    let mut near: Vec<(usize, &str)> = known
        .iter()
        .map(|word| (distance(word), *word))
        .filter(|(distance, word)| *distance <= allowed && *distance < word.chars().count())
        .collect();
    near.sort();
    match near[..] {
        [(_, only)] => Some(only),
        [(first, nearest), (second, _), ..] if first < second => Some(nearest),
        _ => None,
    }
}

fn beginning<'a>(wanted: &str, known: &[&'a str]) -> Option<&'a str> {
    let shares = |word: &&&'a str| {
        let word = word.to_lowercase();
        wanted.len() >= 3 && word.len() >= 3 && (word.starts_with(wanted) || wanted.starts_with(&word))
    };
    let mut fitting = known.iter().filter(shares);
    fitting.next().filter(|_| fitting.next().is_none()).copied()
}

/// `` `a`, `b`, `c` ``.
pub(super) fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a scenario chooses among has a name that a person would use: no message has the name of a type.
    #[test]
    fn every_type_of_the_language_has_a_noun() {
        let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        let mut seen = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let derived = text.split("Deserialize)]\n").skip(1);
                let items = derived.filter_map(|rest| rest.lines().find(|line| !line.starts_with("#[")));
                for name in items.filter_map(|item| item.strip_prefix("pub enum ")) {
                    let name = name.trim_end_matches(" {");
                    assert_ne!(noun(name).1, "values", "{name} in {}", path.display());
                    seen += 1;
                }
            }
        }
        assert!(seen >= 25, "{seen} types");
    }

    #[test]
    fn the_word_that_was_meant() {
        let fields = ["cores", "scheduler", "costs"];
        for (found, meant) in [
            ("corse", Some("cores")),
            ("Cores", Some("cores")),
            ("cpus", Some("cores")),
            ("sched", Some("scheduler")),
            ("xyz", None),
        ] {
            assert_eq!(nearest(found, &fields), meant, "{found}");
        }
        // Two are equally near.
        assert_eq!(nearest("cat", &["bat", "hat"]), None);
        assert_eq!(nearest("sec", UNITS), Some("s"));
        assert_eq!(nearest("m", UNITS), Some("min"));
        assert_eq!(nearest("run", &["Cpu", "Io"]), Some("Cpu"));
        assert_eq!(nearest("run", &["count", "steps"]), Some("steps"));
    }
}
