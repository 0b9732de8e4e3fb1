//! The owner's pages of dashboard, devices, networks, team and events in a real Chromium, whose camera looks at the label
//! of a thermometer. The journey itself is `web/tests/owner.mjs`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use qrcode::{Color, QrCode};

use crate::binary::Binary;
use crate::browser::{self, IN_STOCK, OWNER, PASSWORD};
use crate::geo_file::{self, Town};

const WIDTH: usize = 640;
const HEIGHT: usize = 480;
/// Pixels of a module of the code.
const MODULE: usize = 7;

/// What a camera sees that is held over a label: a film of one picture, the code in its middle (YUV4MPEG2, 4:2:0).
fn film(label: &str) -> Result<Vec<u8>> {
    let code = QrCode::new(label)?;
    let (modules, across) = (code.to_colors(), code.width());
    let dark = |x: usize, y: usize| -> bool {
        let module =
            |at: usize, size: usize| (at + across * MODULE / 2).checked_sub(size / 2).map(|from| from / MODULE);
        match (module(x, WIDTH), module(y, HEIGHT)) {
            (Some(x), Some(y)) if x < across && y < across => modules[y * across + x] == Color::Dark,
            _ => false,
        }
    };
    let mut film = format!("YUV4MPEG2 W{WIDTH} H{HEIGHT} F30:1 Ip A1:1 C420jpeg\nFRAME\n").into_bytes();
    film.extend(
        (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y))).map(|(x, y)| if dark(x, y) { 16 } else { 235 }),
    );
    film.extend(std::iter::repeat_n(128_u8, WIDTH * HEIGHT / 2));
    Ok(film)
}

/// The film as a file of the build's folder.
fn filmed(label: &str) -> Result<PathBuf> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("label.y4m");
    std::fs::write(&path, film(label)?)?;
    Ok(path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_scans_a_label_sets_networks_and_looks_at_every_page() -> Result<()> {
    let (database, device) = browser::seeded().await?;
    let nice =
        Town {
            country: "FR", city: ["Nice", "Nice"], region: "Provence-Alpes-Côte d’Azur", point: (43.7102, 7.2620)
        };
    let places = geo_file::write_towns(&[("203.0.113", nice)])?;
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("serve.log");
    let settings = [
        ("SOCLE_GEO__DATABASE", places.to_str().unwrap_or_default()),
        ("SOCLE_HTTP__TRUSTED_PROXIES", "127.0.0.1/32,::1/128"),
    ];
    let binary = Binary::logging(&database, &log, &settings).await?;
    std::fs::remove_file(&places)?;
    let (serial, _, secret) = IN_STOCK;
    let label = format!("https://physiotraq.example/physiotraq/admin/devices/new?serial={serial}&secret={secret}");
    let mut journey = browser::journey("owner.mjs", &binary)?;
    journey
        .env("OWNER_EMAIL", OWNER)
        .env("PASSWORD", PASSWORD)
        .env("DEVICE", device.id.to_string())
        .env("CREDENTIAL", &device.credential)
        .env("SERIAL", serial)
        .env("SECRET", secret)
        .env("FILM", filmed(&label)?);
    browser::travel(journey).await?;
    binary.stop().await
}
