//! The shape of the code: layers point one way, files stay small.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The layer of every module: groups of `mod` lines in `lib.rs`, from the top.
fn layers() -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(source().join("lib.rs")).unwrap();
    let mut layers = BTreeMap::new();
    let mut layer = 0;
    for line in text.lines() {
        if line.trim().is_empty() {
            layer += 1;
        } else if let Some(name) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            layers.insert(name.to_owned(), layer);
        }
    }
    layers
}

#[test]
fn modules_use_only_the_layers_above_their_own() {
    let layers = layers();
    assert!(layers.len() >= 15, "{layers:?}");
    let mut files = Vec::new();
    rust_files(&source(), &mut files);
    let mut breaches = Vec::new();
    for file in files {
        let relative = file.strip_prefix(source()).unwrap();
        let module = relative.iter().next().unwrap().to_string_lossy();
        let module = module.trim_end_matches(".rs");
        let Some(own) = layers.get(module) else { continue };
        for (number, line) in std::fs::read_to_string(&file).unwrap().lines().enumerate() {
            // What tests use to build their subjects is theirs.
            if line.starts_with("#[cfg(test)]") || relative.ends_with("tests.rs") {
                break;
            }
            for used in line.split("crate::").skip(1) {
                let name: String = used.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                if let Some(layer) = layers.get(&name)
                    && name != module
                    && layer >= own
                {
                    breaches.push(format!("{}:{}: {module} uses {name}", relative.display(), number + 1));
                }
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn no_file_is_longer_than_a_person_reads_at_once() {
    let mut files = Vec::new();
    rust_files(&source(), &mut files);
    let long: Vec<String> = files
        .iter()
        .map(|file| (file, std::fs::read_to_string(file).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > 480)
        .map(|(file, lines)| format!("{}: {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn no_file_holds_a_clock_or_an_unordered_map() {
    let mut files = Vec::new();
    rust_files(&source(), &mut files);
    for file in files {
        let relative = file.strip_prefix(source()).unwrap().to_owned();
        // The command and what writes files stand outside the model.
        if relative.starts_with("cli") || [Path::new("output.rs"), Path::new("main.rs")].contains(&&*relative) {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        for forbidden in ["std::time", "SystemTime", "Instant::now", "HashMap", "HashSet", "thread_rng", "from_entropy"]
        {
            assert!(!text.contains(forbidden), "{} holds {forbidden}", relative.display());
        }
    }
}
