//! Folders of files that are whole or not there.
//!
//! Files are written into a hidden folder beside their target and moved to it by rename when all is done, so that a full
//! disk or an interrupt leaves what was there before. A folder carries a list of what gilsim wrote into it; one with
//! anything else inside is never replaced.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

/// The file that says what gilsim wrote into a folder: a sentence, then one name a line.
const MARKER: &str = ".gilsim";
const SENTENCE: &str = "Written by gilsim, which replaces these files at its next run:";

/// How the names of hidden folders begin.
const HIDDEN: &str = ".gilsim-";
/// A hidden folder of this age belongs to a run that was killed: no run takes so long.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 3_600);
/// How often a folder that others may be changing is tried, and the time between.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(3);

/// Hidden folders that exist now.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why an output could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputError {
    /// The file or folder.
    pub path: PathBuf,
    /// What is in the way.
    pub why: String,
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write {}: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for OutputError {}

fn because(path: &Path) -> impl FnOnce(io::Error) -> OutputError + '_ {
    move |error| OutputError { path: path.to_owned(), why: error.to_string() }
}

/// A hidden folder that disappears with its owner, or on [`abandon`].
#[derive(Debug)]
struct Staging(Option<TempDir>);

impl Staging {
    fn inside(out: &Path) -> Result<Staging, OutputError> {
        fs::create_dir_all(out).map_err(because(out))?;
        // Under the lock, so that an interrupt either sees the folder or comes before it.
        let mut unfinished = unfinished();
        let folder = tempfile::Builder::new().prefix(HIDDEN).tempdir_in(out).map_err(because(out))?;
        unfinished.insert(folder.path().to_owned());
        // By this a later run knows whose it is, should this one be killed.
        fs::write(folder.path().join(MARKER), marker(&BTreeSet::new())).map_err(because(folder.path()))?;
        Ok(Staging(Some(folder)))
    }

    fn path(&self) -> &Path {
        self.0.as_ref().expect("the folder lives as long as its owner").path()
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let mut unfinished = unfinished();
        unfinished.remove(self.path());
        self.0 = None;
    }
}

/// Removes everything that is not finished. Nothing is published while the returned guard lives: keep it until the
/// process ends.
#[must_use]
pub fn abandon() -> impl Sized {
    let unfinished = unfinished();
    for folder in unfinished.iter() {
        // The process ends; what cannot be removed stays hidden.
        let _ = fs::remove_dir_all(folder);
    }
    unfinished
}

/// A folder in the making.
#[derive(Debug)]
pub struct Folder {
    target: PathBuf,
    staging: Staging,
    written: Mutex<BTreeSet<String>>,
    failure: Mutex<Option<OutputError>>,
}

impl Folder {
    /// Begins the folder `out/name`.
    ///
    /// # Errors
    /// `out` cannot be written, or what stands at the target is not gilsim's to replace.
    pub fn begin(out: &Path, name: &str) -> Result<Folder, OutputError> {
        let target = out.join(name);
        again(|| replaceable(&target))?;
        remove_leftovers(out);
        let staging = Staging::inside(out)?;
        let new = staging.path().join("new");
        fs::create_dir(&new).map_err(because(&new))?;
        Ok(Folder { target, staging, written: Mutex::default(), failure: Mutex::default() })
    }

    /// How many of the files that stand at the target now have one of these endings.
    pub fn former(&self, endings: &[&str]) -> usize {
        let ends = |file: &&String| endings.iter().any(|ending| file.ends_with(ending));
        listed(&self.target).map_or(0, |files| files.iter().filter(ends).count())
    }

    /// Writes a file, from any thread. The first failure comes out of [`Folder::publish`].
    pub fn write(&self, file: &str, bytes: &[u8]) {
        let path = self.staging.path().join("new").join(file);
        match fs::write(path, bytes).map_err(because(&self.target.join(file))) {
            Ok(()) => {
                self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(file.to_owned());
            }
            Err(error) => {
                self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    }

    /// Puts the folder in its place, with all files or, if any failed, not at all.
    ///
    /// # Errors
    /// The first failure to write; what stood at the target is unchanged.
    pub fn publish(self) -> Result<PathBuf, OutputError> {
        let marker = marker(&self.written.lock().unwrap_or_else(PoisonError::into_inner));
        self.write(MARKER, marker.as_bytes());
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(error) = failure {
            return Err(error);
        }
        let no_interrupt = unfinished();
        let mut attempt = 0;
        again(|| {
            attempt += 1;
            self.swap(&format!("old-{attempt}"))
        })?;
        drop(no_interrupt);
        Ok(self.target)
    }

    /// Puts the new folder in the place of the one that is there, which becomes `old` until all is removed.
    fn swap(&self, old: &str) -> Result<(), OutputError> {
        let (new, old) = (self.staging.path().join("new"), self.staging.path().join(old));
        replaceable(&self.target)?;
        let existed = fs::symlink_metadata(&self.target).is_ok();
        if existed {
            fs::rename(&self.target, &old).map_err(because(&self.target))?;
        }
        if let Err(error) = fs::rename(&new, &self.target) {
            // Not if another run has put its own there meanwhile.
            if existed && fs::symlink_metadata(&self.target).is_err() {
                fs::rename(&old, &self.target).map_err(because(&self.target))?;
            }
            return Err(because(&self.target)(error));
        }
        Ok(())
    }
}

/// Another run may be changing the same folder at this moment: what fails is tried again a few times.
fn again<T>(mut attempt: impl FnMut() -> Result<T, OutputError>) -> Result<T, OutputError> {
    for _ in 1..ATTEMPTS {
        if let Ok(done) = attempt() {
            return Ok(done);
        }
        std::thread::sleep(PAUSE);
    }
    attempt()
}

/// Removes hidden folders that a run left behind when it was killed, as well as that goes.
fn remove_leftovers(out: &Path) {
    for entry in fs::read_dir(out).into_iter().flatten().flatten() {
        let path = entry.path();
        let hidden = entry.file_name().to_str().is_some_and(|name| name.starts_with(HIDDEN));
        let age = fs::symlink_metadata(path.join(MARKER)).and_then(|marker| marker.modified());
        let old = age.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > LEFT_BEHIND));
        if hidden && old && listed(&path).is_some() {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Writes one file into `out`, whole or not at all.
///
/// # Errors
/// It cannot be written, or a file of this name stands there that is not gilsim's.
pub fn write_file(out: &Path, name: &str, bytes: &[u8]) -> Result<(), OutputError> {
    let target = out.join(name);
    // In this order: another run writes its list before its file.
    let exists = fs::symlink_metadata(&target).is_ok();
    let mut known = listed(out).unwrap_or_default();
    if exists && !known.contains(name) {
        return Err(OutputError { path: target, why: "gilsim did not write the file that is there".to_owned() });
    }
    let staging = Staging::inside(out)?;
    known.insert(name.to_owned());
    for (file, bytes) in [(MARKER, marker(&known).as_bytes()), (name, bytes)] {
        let new = staging.path().join(file);
        fs::write(&new, bytes).map_err(because(&target))?;
        fs::rename(&new, out.join(file)).map_err(because(&target))?;
    }
    Ok(())
}

fn marker(files: &BTreeSet<String>) -> String {
    let lines: String = files.iter().map(|file| format!("{file}\n")).collect();
    format!("{SENTENCE}\n{lines}")
}

/// What gilsim says it wrote into the folder; `None` if it says nothing.
fn listed(folder: &Path) -> Option<BTreeSet<String>> {
    let text = fs::read_to_string(folder.join(MARKER)).ok()?;
    let rest = text.strip_prefix(SENTENCE)?;
    Some(rest.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Whether the folder is absent, empty, or gilsim's with nothing else in it.
fn replaceable(target: &Path) -> Result<(), OutputError> {
    let refuse = |why: String| Err(OutputError { path: target.to_owned(), why });
    match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(because(target)(error)),
        Ok(metadata) if !metadata.is_dir() => return refuse("what is there is not a folder".to_owned()),
        Ok(_) => {}
    }
    let known = listed(target);
    for entry in fs::read_dir(target).map_err(because(target))? {
        let name = entry.map_err(because(target))?.file_name();
        let Some(known) = &known else {
            return refuse(
                "gilsim did not write the folder that is there; move it away, or take another --out".to_owned(),
            );
        };
        if !name.to_str().is_some_and(|name| name == MARKER || known.contains(name)) {
            return refuse(format!(
                "gilsim did not write {} in it; move that away, or take another --out",
                name.to_string_lossy()
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn publish(out: &Path, files: &[&str]) -> Result<PathBuf, OutputError> {
        let folder = Folder::begin(out, "a")?;
        files.iter().for_each(|file| folder.write(file, b"text"));
        folder.publish()
    }

    #[test]
    fn a_folder_is_replaced_whole_and_stale_files_vanish() {
        let out = TempDir::new().unwrap();
        publish(out.path(), &["x", "y"]).unwrap();
        publish(out.path(), &["z"]).unwrap();
        assert_eq!(names(&out.path().join("a")), [MARKER, "z"]);
        assert_eq!(names(out.path()), ["a"]);
    }

    #[test]
    fn nothing_is_there_before_it_is_published() {
        let out = TempDir::new().unwrap();
        publish(out.path(), &["x"]).unwrap();
        let folder = Folder::begin(out.path(), "a").unwrap();
        folder.write("y", b"");
        drop(folder);
        assert_eq!(
            (names(out.path()), names(&out.path().join("a"))),
            (vec!["a".to_owned()], vec![MARKER.to_owned(), "x".to_owned()])
        );
    }

    #[test]
    fn one_failed_file_keeps_the_old_folder() {
        let out = TempDir::new().unwrap();
        publish(out.path(), &["x"]).unwrap();
        let error = publish(out.path(), &["y", "no/such/folder"]).unwrap_err();
        assert!(error.path.ends_with("a/no/such/folder"), "{error}");
        assert_eq!(
            (names(out.path()), names(&out.path().join("a"))),
            (vec!["a".to_owned()], vec![MARKER.to_owned(), "x".to_owned()])
        );
    }

    #[test]
    fn what_gilsim_did_not_write_is_never_replaced() {
        let out = TempDir::new().unwrap();
        let folder = out.path().join("a");
        publish(out.path(), &["x"]).unwrap();
        fs::write(folder.join("notes.txt"), "mine").unwrap();
        assert!(publish(out.path(), &["y"]).unwrap_err().why.contains("notes.txt"));
        fs::remove_file(folder.join(MARKER)).unwrap();
        assert!(publish(out.path(), &["y"]).is_err());
        assert_eq!(fs::read_to_string(folder.join("notes.txt")).unwrap(), "mine");
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        publish(out.path(), &["y"]).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        fs::write(&folder, "a file").unwrap();
        assert!(publish(out.path(), &["y"]).unwrap_err().why.contains("not a folder"));
    }

    #[test]
    fn several_may_publish_the_same_folder_at_once() {
        let out = TempDir::new().unwrap();
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..25).map(|_| publish(out.path(), &["x", "y"])).collect::<Vec<_>>()))
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(names(out.path()), ["a"]);
        assert_eq!(names(&out.path().join("a")), [MARKER, "x", "y"]);
    }

    #[test]
    fn a_swap_is_tried_again_when_another_run_was_faster() {
        let out = TempDir::new().unwrap();
        let mut attempts = 0;
        let done = again(|| {
            attempts += 1;
            if attempts < 3 {
                Err(OutputError { path: out.path().to_owned(), why: String::new() })
            } else {
                Ok(attempts)
            }
        });
        assert_eq!(done.unwrap(), 3);
    }

    #[test]
    fn what_a_killed_run_left_is_removed_and_nothing_else() {
        let out = TempDir::new().unwrap();
        let hidden = |name: &str, marked: bool, hours: u64| {
            let folder = out.path().join(name);
            fs::create_dir_all(folder.join("new")).unwrap();
            let file = folder.join(if marked { MARKER } else { "notes" });
            fs::write(&file, marker(&BTreeSet::new())).unwrap();
            let then = std::time::SystemTime::now() - Duration::from_secs(hours * 3_600);
            fs::File::options().write(true).open(file).unwrap().set_modified(then).unwrap();
        };
        hidden(".gilsim-old", true, 25);
        hidden(".gilsim-young", true, 1);
        hidden(".gilsim-mine", false, 25);
        hidden("folder", true, 25);
        publish(out.path(), &["x"]).unwrap();
        assert_eq!(names(out.path()), [".gilsim-mine", ".gilsim-young", "a", "folder"]);
    }

    #[test]
    fn a_single_file_replaces_only_its_own() {
        let out = TempDir::new().unwrap();
        write_file(out.path(), "index.html", b"1").unwrap();
        write_file(out.path(), "index.html", b"2").unwrap();
        fs::write(out.path().join("other.html"), "mine").unwrap();
        assert!(write_file(out.path(), "other.html", b"3").is_err());
        assert_eq!(fs::read_to_string(out.path().join("index.html")).unwrap(), "2");
        assert_eq!(names(out.path()), [MARKER, "index.html", "other.html"]);
    }
}
