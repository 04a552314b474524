//! Files to scenarios, with all that is wrong with any of them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use gilsim::scenario::control::{acts, visible};
use gilsim::scenario::diagnostic::Diagnostic;
use gilsim::scenario::{self, Scenario};

use super::execute::OVERVIEW;

/// More than any scenario has.
const LARGEST: u64 = 16 << 20;

/// A file and the name of its output folder.
#[derive(Clone, Debug)]
pub struct Source {
    pub file: PathBuf,
    pub name: String,
    pub text: String,
}

impl Source {
    pub fn shown(&self) -> String {
        visible(&self.file.display().to_string()).into_owned()
    }
}

/// A scenario that can run.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub source: Source,
    pub scenario: Scenario,
    pub warnings: Vec<Diagnostic>,
}

/// A file that is no scenario.
#[derive(Clone, Debug)]
pub struct Refused {
    pub source: Source,
    pub why: Why,
}

/// Why a file is no scenario.
#[derive(Clone, Debug)]
pub enum Why {
    /// It could not be read, or has no output folder of its own.
    Words(String),
    /// Its text is wrong.
    Diagnostics(Vec<Diagnostic>),
}

/// The changes of `--set`.
///
/// # Errors
/// One that is not `path=value`, in words.
pub fn sets(arguments: &[String]) -> Result<Vec<(String, String)>, String> {
    let split = |argument: &String| match argument.split_once('=') {
        Some((path, value)) if !path.trim().is_empty() && !value.trim().is_empty() => {
            Ok((path.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err(format!("--set {argument}: write a path and a value, such as --set machine.cores=8")),
    };
    arguments.iter().map(split).collect()
}

/// Files as they are named on the command line.
pub fn plain(files: &[PathBuf]) -> Vec<(PathBuf, String)> {
    files.iter().map(|file| (file.clone(), stem(file))).collect()
}

fn stem(file: &Path) -> String {
    file.file_stem().map_or_else(|| "scenario".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// All scenarios in the folders, sorted, and the files; an output folder is named after the way to its file.
///
/// # Errors
/// A folder that cannot be read, or nothing to run, in words.
pub fn scenarios(paths: &[PathBuf]) -> Result<Vec<(PathBuf, String)>, String> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut files = Vec::new();
            search(path, 0, &mut files)?;
            files.sort();
            for file in files {
                let way = file.strip_prefix(path).unwrap_or(&file).with_extension("");
                let parts: Vec<_> = way.iter().map(|part| part.to_string_lossy()).collect();
                found.push((file.clone(), parts.join("-")));
            }
        } else {
            found.push((path.clone(), stem(path)));
        }
    }
    if found.is_empty() {
        let all: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(format!("no scenario (*.ron) in {}", all.join(", ")));
    }
    Ok(found)
}

fn search(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let refuse = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(refuse)? {
        let entry = entry.map_err(refuse)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(refuse)?);
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        // Links to folders are not followed: they can lead in a circle.
        if kind.is_dir() && !hidden && depth < 32 && !path.join(".gilsim").exists() {
            search(&path, depth + 1, found)?;
        } else if !path.is_dir() && !hidden && path.extension().is_some_and(|ending| ending == "ron") {
            found.push(path);
        }
    }
    Ok(())
}

/// Reads and compiles all of them, in order.
pub fn all(files: Vec<(PathBuf, String)>, sets: &[(String, String)]) -> Vec<Result<Loaded, Refused>> {
    let mut owners: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut one = |(file, name): (PathBuf, String)| {
        let source = Source { file, name, text: String::new() };
        if let Some(why) = unfit(&source.name) {
            return Err(Refused { source, why: Why::Words(why) });
        }
        // Names that differ only in case are one folder on some systems.
        if let Some(other) = owners.insert(source.name.to_lowercase(), source.file.clone()) {
            let why = format!("{} has the same name: both would write to the folder {}", other.display(), source.name);
            return Err(Refused { source, why: Why::Words(why) });
        }
        load(source, sets)
    };
    files.into_iter().map(&mut one).collect()
}

/// Why a name does for no output folder, in words.
fn unfit(name: &str) -> Option<String> {
    let why = if name == OVERVIEW {
        "that is the page of all scenarios"
    } else if name.is_empty() || name.starts_with('.') {
        "hidden folders are not for outputs"
    } else if name.contains(acts) {
        "it has control characters"
    } else {
        return None;
    };
    Some(format!("its outputs would go to a folder named \"{}\", and {why}: rename the file", visible(name)))
}

/// Reads and compiles each for itself: nothing will be written.
pub fn each(files: Vec<(PathBuf, String)>, sets: &[(String, String)]) -> Vec<Result<Loaded, Refused>> {
    let one = |(file, name)| load(Source { file, name, text: String::new() }, sets);
    files.into_iter().map(one).collect()
}

fn load(mut source: Source, sets: &[(String, String)]) -> Result<Loaded, Refused> {
    match read(&source.file) {
        Ok(text) => source.text = text,
        Err(words) => return Err(Refused { source, why: Why::Words(words) }),
    }
    match scenario::compile(&source.name, &source.text, sets) {
        Ok(compiled) => Ok(Loaded { source, scenario: compiled.scenario, warnings: compiled.warnings }),
        Err(diagnostics) => Err(Refused { source, why: Why::Diagnostics(diagnostics) }),
    }
}

fn read(file: &Path) -> Result<String, String> {
    let opened = File::open(file).map_err(|error| error.to_string())?;
    if opened.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(format!("this is a folder: `gilsim batch {}` runs the scenarios in it", file.display()));
    }
    let mut bytes = Vec::new();
    opened.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("this is more than {} MiB: no scenario is so long", LARGEST >> 20));
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(format!("not a text: byte {} is zero; it may be UTF-16, or no scenario at all", at + 1));
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("not a text in UTF-8: byte {} is wrong", error.utf8_error().valid_up_to() + 1))
}
