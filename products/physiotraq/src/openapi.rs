//! What PhysioTraq's API says of itself: the frame, and the part that each feature keeps beside its handlers.

use socle::audit;
use socle::web::openapi::{self, Words};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use crate::{BRANDING, calibrations, devices, events, firmware, measurements, monitor, team, treatments, wifi};

const WORDS: Words = Words {
    title: "PhysioTraq",
    description: "Live core temperature during hyperthermia sessions.\n\
                  Thermometers send readings and heartbeats in snake_case, and may write a number as a text; everything \
                  else is camelCase. Instants are RFC 3339 in UTC, temperatures are °C, decimals are texts.\n\
                  A refusal has one form everywhere: the schema Envelope. 429 and 503 say in Retry-After when to come \
                  back; nothing was taken then.\n\
                  A creation may carry an Idempotency-Key (1 to 255 visible ASCII characters): sent again within a day \
                  with the same key and body it is not done again, and gets the first answer with \
                  Idempotent-Replayed: true.\n\
                  A list answers data and pagination; send pagination.cursor as cursor for what follows.",
    groups: &[
        ("device", "What a thermometer sends, with the credential it got when it registered."),
        ("devices", "The licence's thermometers, as its people see them."),
        ("team", "Who works in the licence, who is invited, who has which device; for the owner of the licence."),
        ("treatments", "Monitored sessions: an operator's own, or all of the licence for its owner."),
        ("live", "The live screen's curve and its stream of events."),
        ("events", "What happened to devices, treatments and alerts; for the owner of the licence."),
        ("audit", "Who did or tried what; for the owner of the licence."),
        ("auth", "How a person's program signs in and stays signed in."),
        ("me", "What a person agrees to."),
        ("api", "The API itself."),
    ],
};

/// The whole document.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = openapi::frame(&BRANDING, WORDS);
    for part in [
        devices::Document::openapi(),
        wifi::Document::openapi(),
        calibrations::Document::openapi(),
        team::Document::openapi(),
        events::Document::openapi(),
        firmware::Document::openapi(),
        measurements::Document::openapi(),
        treatments::Document::openapi(),
        monitor::Document::openapi(),
        socle::privacy::consents::Document::openapi(),
        audit::Document::openapi(),
    ] {
        document.merge(part);
    }
    openapi::with_limits(document)
}
