//! Passkeys in a real Chromium with a virtual authenticator, against the real binary: `web/tests/passkeys.mjs`.

use anyhow::Result;

use crate::binary::Binary;
use crate::browser::{OWNER, PASSWORD, journey, seeded, travel};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browsers_passkey_registers_is_a_second_factor_and_signs_in_alone() -> Result<()> {
    let (database, _) = seeded().await?;
    let binary = Binary::serve(&database).await?;
    let mut journey = journey("passkeys.mjs", &binary)?;
    journey.env("EMAIL", OWNER).env("PASSWORD", PASSWORD);
    travel(journey).await?;
    binary.stop().await
}
