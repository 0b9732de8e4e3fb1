//! The built web files, embedded in a release and read from the checkout in development.

use std::collections::HashMap;

use rust_embed::RustEmbed;
use socle::web::{Asset, Assets};

#[derive(RustEmbed)]
#[folder = "../web/dist"]
struct Dist;

/// All files with their hashes.
pub fn load() -> Assets {
    let mut files = HashMap::new();
    for name in Dist::iter() {
        let Some(file) = Dist::get(&name) else { continue };
        let hash = file.metadata.sha256_hash().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let media_type = file.metadata.mimetype().to_owned();
        files.insert(name.into_owned(), Asset { bytes: file.data, media_type, hash });
    }
    Assets::new(files)
}
