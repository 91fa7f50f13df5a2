//! What the compiler says of a handler that is wrong names the mistake: each file of `tests/mistakes` is one, and its second
//! line has the words that the compiler must say, parted by `|`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// The newest build of a crate beside this test.
fn built(folder: &Path, name: &str) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let is_it = |path: &PathBuf| {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        file.starts_with(&format!("lib{name}-")) && path.extension().is_some_and(|own| own == "rlib")
    };
    let written = |path: &PathBuf| path.metadata().and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    files.filter(is_it).max_by_key(written).unwrap_or_else(|| panic!("{name} is not built in {}", folder.display()))
}

/// What the compiler says of a file; nothing where it finds it right.
fn said_of(file: &Path) -> String {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().unwrap();
    let of = |name: &str| format!("{name}={}", built(folder, name).display());
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let done = Command::new(compiler)
        .args(["--edition", "2024", "--crate-type", "bin", "--emit", "metadata", "--color", "never", "-A", "warnings"])
        .args(["--extern", &of("dormouse"), "--extern", &of("garde")])
        .arg("-L")
        .arg(format!("dependency={}", folder.display()))
        .arg("-o")
        .arg(folder.join("mistake.rmeta"))
        .arg(file)
        .output()
        .unwrap();
    if done.status.success() { String::new() } else { String::from_utf8(done.stderr).unwrap() }
}

#[test]
fn c1_a_wrong_handler_is_told_by_what_is_wrong_with_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes");
    let entries = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = entries.filter(|entry| entry.is_file()).collect();
    files.sort();
    assert!(files.len() >= 8);
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        let words = source.lines().nth(1).unwrap().strip_prefix("// says: ").unwrap();
        let said = said_of(&file);
        for word in words.split('|') {
            assert!(said.contains(word), "{}: {word:?} is not in what the compiler says:\n{said}", file.display());
        }
    }
}
