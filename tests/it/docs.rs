//! The documents are true: every scenario in them runs and meets its expectations, every command in them works.

use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "../../examples/property.rs"]
mod property;
#[path = "../../examples/random_programs.rs"]
mod random_programs;

/// A fenced block of a document.
struct Block {
    file: PathBuf,
    line: usize,
    language: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> Vec<PathBuf> {
    let mut files = vec![root().join("README.md")];
    let docs = std::fs::read_dir(root().join("docs")).unwrap();
    files
        .extend(docs.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|ext| ext == "md")));
    files.sort();
    files
}

fn blocks(language: &str) -> Vec<Block> {
    let mut found = Vec::new();
    for file in documents() {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut open: Option<Block> = None;
        for (index, line) in text.lines().enumerate() {
            match (line.strip_prefix("```"), &mut open) {
                (Some(name), None) => {
                    let (language, text) = (name.to_owned(), String::new());
                    open = Some(Block { file: file.clone(), line: index + 1, language, text });
                }
                (Some(_), Some(_)) => found.extend(open.take()),
                (None, Some(block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block is never closed", file.display());
    }
    found.retain(|block| block.language == language);
    found
}

/// The command on the repository, with outputs in a folder of its own.
fn gilsim(arguments: &[&str], out: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gilsim"));
    command.args(arguments).current_dir(root()).env("NO_COLOR", "1");
    if matches!(arguments.first(), Some(&"run" | &"batch")) && !arguments.contains(&"--out") {
        command.arg("--out").arg(out);
    }
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code(), text)
}

#[test]
fn every_scenario_in_the_documents_runs_and_holds() {
    let folder = tempfile::tempdir().unwrap();
    let scenarios = blocks("ron");
    assert!(scenarios.len() >= 9, "{}", scenarios.len());
    let mut files = Vec::new();
    for (number, block) in scenarios.iter().enumerate() {
        let stem = block.file.file_stem().unwrap().to_string_lossy();
        let file = folder.path().join(format!("{number:02}-{stem}-line-{}.ron", block.line));
        std::fs::write(&file, &block.text).unwrap();
        files.push(file.to_string_lossy().into_owned());
    }
    let mut arguments = vec!["run", "--no-charts", "--audit"];
    arguments.extend(files.iter().map(String::as_str));
    let (code, text) = gilsim(&arguments, &folder.path().join("out"));
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("warning"), "{text}");
}

/// Lines that begin with `cargo run --release -- ` or `gilsim ` in blocks for a shell.
#[test]
fn every_command_in_the_documents_works() {
    let folder = tempfile::tempdir().unwrap();
    let mut commands: Vec<String> = blocks("sh")
        .iter()
        .flat_map(|block| block.text.lines())
        .filter_map(|line| line.strip_prefix("cargo run --release -- ").or_else(|| line.strip_prefix("gilsim ")))
        .map(|line| line.split('#').next().unwrap_or_default().trim().to_owned())
        .collect();
    commands.sort();
    commands.dedup();
    assert!(commands.len() >= 4, "{commands:?}");
    for command in commands {
        let arguments: Vec<&str> = command.split_whitespace().collect();
        let (code, text) = gilsim(&arguments, &folder.path().join("out"));
        assert_eq!(code, Some(0), "gilsim {command}\n{text}");
    }
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    for file in documents() {
        let text = std::fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = file.parent().unwrap().join(target);
            assert!(path.exists(), "{}: {link}", file.display());
        }
    }
}

/// The example of a policy is a policy: what the document shows is what was compiled.
#[test]
fn the_example_of_a_policy_is_the_one_that_is_compiled() {
    let policies = root().join("src/kernel/policy");
    let read = |name: &str| std::fs::read_to_string(policies.join(name)).unwrap();
    let of = |language: &str| {
        let found = blocks(language).into_iter().filter(|block| block.file.ends_with("extending.md"));
        found.map(|block| block.text).collect::<Vec<_>>()
    };
    assert_eq!(of("rust"), [read("last_come.rs")]);
    let [row] = &of("text")[..] else { panic!("one row") };
    assert!(read("mod.rs").contains(row.as_str()), "{row}");
    let catalog = gilsim::kernel::policy::POLICIES.iter().map(|policy| policy.spelling);
    assert!(catalog.into_iter().any(|spelling| spelling == "LastCome"));
}

/// The examples of the library, too; and they run.
#[test]
fn the_examples_of_the_library_are_those_that_are_compiled() {
    let shown = blocks("rust").into_iter().filter(|block| block.file.ends_with("library.md"));
    let shown: Vec<String> = shown.map(|block| block.text.trim().to_owned()).collect();
    let compiled = ["property", "random_programs"].map(|name| {
        let file = root().join("examples").join(name).with_extension("rs");
        std::fs::read_to_string(file).unwrap().trim().to_owned()
    });
    assert_eq!(shown, compiled);
    property::main();
    random_programs::main();
}
