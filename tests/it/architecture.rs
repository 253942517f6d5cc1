//! The drawing in `src/lib.rs` and ARCHITECTURE.md, held: imports point upstream, and the core is pure.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of `src/lib.rs`, in their order.
fn modules() -> Vec<String> {
    let lib = fs::read_to_string(source().join("lib.rs")).expect("src/lib.rs");
    lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).map(str::to_owned).collect()
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The Rust files of a module, a file or a folder, with their texts.
fn files(path: &Path) -> Vec<(PathBuf, String)> {
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path());
        return entries.flat_map(|path| files(&path)).collect();
    }
    let is_rust = path.extension().is_some_and(|extension| extension == "rs");
    if is_rust { vec![(path.to_owned(), fs::read_to_string(path).expect("a file"))] } else { vec![] }
}

fn module_files(module: &str) -> Vec<(PathBuf, String)> {
    let file = source().join(format!("{module}.rs"));
    if file.exists() { files(&file) } else { files(&source().join(module)) }
}

#[test]
fn imports_point_upstream() {
    let modules = modules();
    assert!(modules.len() > 10, "src/lib.rs names its modules");
    for (place, module) in modules.iter().enumerate() {
        for (path, text) in module_files(module) {
            for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
                for downstream in &modules[place + 1..] {
                    let imports = line.contains(&format!("crate::{downstream}::"))
                        || line.contains(&format!("crate::{downstream};"));
                    assert!(
                        !imports,
                        "{}:{}: `{module}` uses `{downstream}`, which stands below it",
                        path.display(),
                        number + 1
                    );
                }
            }
        }
    }
}

#[test]
fn the_core_does_not_touch_the_world() {
    let banned =
        ["async fn", ".await", "sqlx", "tokio", "reqwest", "lettre", "std::fs", "std::net", "std::env", "Clock"];
    let modules = modules();
    let core = modules.iter().skip_while(|module| *module != "calendar").take_while(|module| *module != "clock");
    let core: Vec<&String> = core.collect();
    assert!(core.iter().any(|module| *module == "engine"));
    for module in core {
        for (path, text) in module_files(module) {
            for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
                let found = banned.iter().find(|word| line.contains(**word));
                assert_eq!(found, None, "{}:{}: the core is pure", path.display(), number + 1);
            }
        }
    }
}

#[test]
fn sql_stays_in_the_store_and_the_sources_time_in_the_clock_and_pages_in_the_web() {
    for (path, text) in files(&source()) {
        let place = path.strip_prefix(source()).expect("below src").to_string_lossy().into_owned();
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        // The store is ours, a source is somebody else's.
        let has_sql = ["store", "source/"].iter().any(|room| place.starts_with(room));
        assert!(has_sql || !code.contains("sqlx::"), "{place} uses sqlx");
        assert!(place.starts_with("web") || !code.contains("axum::"), "{place} uses axum");
        assert!(place == "clock.rs" || !code.contains("Utc::now"), "{place} reads the clock");
    }
}
