//! What the kernel itself holds about a person, as sections.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{Section, Sections, sql};
use crate::Result;
use crate::db::Tx;

/// Records read at once.
const PAGE: i32 = 500;

/// Every section with the word by which `socle.own_records` knows it.
static SECTIONS: [(&str, Section); 9] = [
    (
        "account",
        Section {
            name: "account",
            title: "data-account",
            fields: &[
                ("email", "data-email"),
                ("userName", "data-user-name"),
                ("phone", "data-phone"),
                ("language", "data-language"),
                ("status", "data-status"),
                ("emailVerifiedAt", "data-email-verified"),
                ("phoneVerifiedAt", "data-phone-verified"),
                ("secondFactorSince", "data-second-factor"),
                ("passwordChangedAt", "data-password-changed"),
                ("lastLoginAt", "data-last-login"),
                ("createdAt", "data-created"),
                ("id", "data-id"),
            ],
        },
    ),
    (
        "membership",
        Section {
            name: "memberships",
            title: "data-memberships",
            fields: &[
                ("organisation", "data-organisation"),
                ("role", "data-role"),
                ("permissions", "data-permissions"),
                ("createdAt", "data-created"),
                ("endedAt", "data-ended"),
            ],
        },
    ),
    (
        "consent",
        Section {
            name: "consents",
            title: "data-consents",
            fields: &[
                ("type", "data-kind"),
                ("version", "data-version"),
                ("textHash", "data-text-hash"),
                ("language", "data-language"),
                ("channel", "data-channel"),
                ("at", "data-at"),
                ("withdrawnAt", "data-withdrawn"),
                ("endedAt", "data-ended"),
                ("ipAddress", "data-ip"),
                ("userAgent", "data-browser"),
            ],
        },
    ),
    (
        "session",
        Section {
            name: "sessions",
            title: "data-sessions",
            fields: &[
                ("kind", "data-kind"),
                ("createdAt", "data-created"),
                ("lastSeenAt", "data-last-seen"),
                ("endedAt", "data-ended"),
                ("ipAddress", "data-ip"),
                ("userAgent", "data-browser"),
            ],
        },
    ),
    (
        "device",
        Section {
            name: "devices",
            title: "data-devices",
            fields: &[
                ("userAgent", "data-browser"),
                ("createdAt", "data-created"),
                ("lastSeenAt", "data-last-seen"),
                ("trustedUntil", "data-trusted"),
                ("endedAt", "data-ended"),
            ],
        },
    ),
    (
        "mail",
        Section {
            name: "mails",
            title: "data-mails",
            fields: &[("at", "data-at"), ("kind", "data-kind"), ("status", "data-status"), ("sentAt", "data-sent")],
        },
    ),
    (
        "security",
        Section {
            name: "security_events",
            title: "data-security",
            fields: &[
                ("at", "data-at"),
                ("type", "data-kind"),
                ("severity", "data-severity"),
                ("ipAddress", "data-ip"),
            ],
        },
    ),
    (
        "audit",
        Section {
            name: "audit",
            title: "data-audit",
            fields: &[
                ("at", "data-at"),
                ("action", "data-action"),
                ("outcome", "data-outcome"),
                ("by", "data-by"),
                ("resource", "data-resource"),
                ("resourceId", "data-id"),
                ("ipAddress", "data-ip"),
                ("userAgent", "data-browser"),
            ],
        },
    ),
    (
        "erasure",
        Section {
            name: "erasures",
            title: "data-erasures",
            fields: &[("at", "data-at"), ("dueAt", "data-due"), ("withdrawnAt", "data-withdrawn")],
        },
    ),
];

/// Writes all of it; `phone` was opened before.
pub(super) async fn write(tx: &mut Tx, phone: Option<&str>, into: &mut Sections) -> Result<()> {
    for (kind, section) in &SECTIONS {
        into.begin(section).await?;
        let mut after = (DateTime::<Utc>::UNIX_EPOCH, Uuid::nil());
        loop {
            let page = sql::own_records(tx, kind, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = (last.at, last.id);
            for one in page {
                let mut record = one.record;
                if let (&"account", Some(phone), Value::Object(fields)) = (kind, phone, &mut record) {
                    fields.insert("phone".to_owned(), phone.into());
                }
                into.record(record).await?;
            }
        }
    }
    Ok(())
}
