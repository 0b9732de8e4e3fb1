//! Real input beside the checkout: read when it is there, skipped visibly when it is not.

use std::path::PathBuf;

/// A file or folder below the shared data, or `None` after saying which test is skipped for want of it.
///
/// # Panics
/// In CI, when the shared data are there and this is not: a skipped test must not look like a passed one.
#[must_use]
#[expect(clippy::print_stdout, reason = "a skipped test must be seen in the runner's output")]
pub fn shared_file(test: &str, path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SOCLE_SHARED_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")), PathBuf::from);
    let file = root.join(path);
    if file.exists() {
        return Some(file);
    }
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!(ci && root.exists()), "{test} would be skipped in CI: {} is missing", file.display());
    println!("SKIPPED {test}: {}", file.display());
    None
}
