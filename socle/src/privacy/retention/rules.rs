//! The kernel's rules. Products add theirs: [`crate::web::Product::retention`].
//!
//! The order matters where one table points at another: refresh tokens go before their sessions, sessions before devices.

use super::{Action, Kept, Rule, Span};
use crate::audit;

/// A rule whose rows a plan of the table `socle.retention_plans` names.
const PLANNED: Rule = Rule {
    table: "",
    rows: "all",
    column: "",
    active: Span::None,
    archive: Span::None,
    basis: "",
    action: Action::Delete,
    batch: 1_000,
    holds: true,
    statement: "",
};

/// How long the kernel's rows are kept.
pub const RULES: [Rule; 17] = [
    Rule {
        table: "socle.refresh_tokens",
        rows: "of sessions that are over",
        column: "their session's ended_at or expires_at",
        active: Span::Days(90),
        basis: "follows socle.sessions",
        statement: "SELECT socle.sweep('socle.refresh_tokens', $1, $2, $3)",
        ..PLANNED
    },
    Rule {
        table: "socle.sessions",
        rows: "ended or expired",
        column: "ended_at, expires_at",
        active: Span::Days(90),
        basis: "domain/rgpd-hds.md §2, security logs: legitimate interest, short; three months show a stolen session",
        statement: "SELECT socle.sweep('socle.sessions', $1, $2, $3)",
        ..PLANNED
    },
    Rule {
        table: "socle.known_devices",
        column: "last_seen_at",
        active: Span::Months(13),
        basis: "domain/rgpd-hds.md §12: a tracker lives at most 13 months",
        statement: "SELECT socle.sweep('socle.known_devices', $1, $2, $3)",
        ..PLANNED
    },
    Rule {
        table: "socle.challenges",
        column: "expires_at",
        active: Span::Days(1),
        basis: "domain/rgpd-hds.md §2, security logs: a secret that is over proves nothing",
        holds: false,
        statement: "SELECT socle.sweep('socle.challenges', $1, $2, $3)",
        ..PLANNED
    },
    Rule {
        table: "socle.passkey_ceremonies",
        rows: "signatures that were asked for and never given",
        column: "expires_at",
        basis: "domain/rgpd-hds.md §2, security logs: what is over proves nothing",
        holds: false,
        statement: "SELECT socle.sweep('socle.passkey_ceremonies', $1, $2, $3)",
        ..PLANNED
    },
    Rule {
        table: "socle.password_tries",
        column: "created_at",
        active: Span::Days(1),
        basis: "domain/rgpd-hds.md §2, security logs: tries count for an hour",
        holds: false,
        statement: "SELECT socle.sweep('socle.password_tries', $1, $2, $3)",
        ..PLANNED
    },
    Rule {
        table: "socle.break_glass",
        column: "opened_at",
        active: Span::Months(12),
        archive: Span::Months(48),
        basis: "domain/rgpd-hds.md §9: 5 years, as evidence of access to health data",
        statement: "SELECT socle.sweep('socle.break_glass', $1, $2, $3)",
        ..PLANNED
    },
    Rule {
        table: "socle.invitations",
        column: "expires_at",
        active: Span::Days(90),
        basis: "domain/rgpd-hds.md §2: who invited whom is asked about soon or never; the audit trail keeps that it happened",
        statement: "SELECT socle.sweep('socle.invitations', $1, $2, $3)",
        ..PLANNED
    },
    Rule {
        table: "socle.mails",
        column: "created_at",
        active: Span::Days(90),
        basis: "domain/rgpd-hds.md §9, application logs: 7 to 90 days",
        statement: "SELECT socle.sweep('socle.mails', $1, $2, $3)",
        ..PLANNED
    },
    Rule {
        table: "socle.jobs",
        rows: "done; dead ones wait for an operator's word",
        column: "finished_at",
        active: Span::Days(7),
        basis: "domain/rgpd-hds.md §9, application logs: 7 to 90 days",
        statement: "SELECT socle.sweep('socle.jobs', $1, $2, $3)",
        ..PLANNED
    },
    Rule {
        table: "socle.idempotency_keys",
        rows: "24 h after the creation",
        column: "expires_at",
        basis: "DESIGN.md §6: an answer is given again for a day",
        holds: false,
        statement: "SELECT socle.sweep('socle.idempotency_keys', $1, $2, $3)",
        ..PLANNED
    },
    Rule {
        table: "socle.security_events",
        column: "created_at",
        active: Span::Months(12),
        basis: "domain/rgpd-hds.md §9: CNIL on logging, 6 months to 1 year",
        statement: "SELECT socle.sweep('socle.security_events', $1, $2, $3)",
        ..PLANNED
    },
    Rule {
        table: "socle.personal_exports",
        rows: "24 h after they were asked for, with their files",
        column: "expires_at",
        basis: "domain/rgpd-hds.md §4: a copy is for the person, who has it by then",
        holds: false,
        statement: "SELECT socle.sweep('socle.personal_exports', $1, $2, $3)",
        ..PLANNED
    },
    Rule {
        table: "socle.erasures",
        rows: "receipts",
        column: "executed_at, undone_at",
        archive: Span::Months(60),
        basis: "GDPR art. 5(2) and Code civil art. 2224: proof that it was done, for the five years of a claim",
        statement: "SELECT socle.sweep('socle.erasures', $1, $2, $3)",
        ..PLANNED
    },
    Rule {
        table: "socle.legal_holds",
        rows: "lifted",
        column: "lifted_at",
        archive: Span::Months(60),
        basis: "GDPR art. 5(2) and Code civil art. 2224: why something was kept, for the five years of a claim",
        holds: false,
        statement: "SELECT socle.sweep('socle.legal_holds', $1, $2, $3)",
        ..PLANNED
    },
    Rule {
        table: "socle.audit_log",
        rows: "access log: session.opened, session.ended, session.refused",
        column: "occurred_at",
        active: Span::Months(audit::ACCESS_MONTHS),
        basis: "domain/rgpd-hds.md §9: CNIL on logging, 6 months to 1 year; the chain keeps that there was a row",
        statement: "SELECT socle.forget_accesses($1, $2, $3)",
        ..PLANNED
    },
    Rule {
        table: "socle.audit_log",
        rows: "business evidence, by whole months",
        column: "occurred_at",
        active: Span::Months(12),
        archive: Span::Months(48),
        basis: "domain/rgpd-hds.md §9: 5 years, as evidence of access to health data; any hold stops it",
        action: Action::DropPartitions,
        statement: "SELECT socle.any_hold($1)",
        ..PLANNED
    },
];

/// Tables of the kernel with personal data that no rule empties.
pub const KEPT: [Kept; 12] = [
    Kept {
        table: "socle.accounts",
        reason: "as long as the account is used; an erasure leaves an empty row, so that what points at it stays whole",
    },
    Kept {
        table: "socle.memberships",
        reason: "with the account: what somebody did in a tenant keeps its author's role; an erasure ends them",
    },
    Kept { table: "socle.operators", reason: "with the account; an erasure takes the name away" },
    Kept {
        table: "socle.consents",
        reason: "never deleted: withdrawing keeps the proof (GDPR art. 7(1), domain/rgpd-hds.md §3); an erasure takes \
                 address and browser away",
    },
    Kept { table: "socle.authenticator_apps", reason: "until the person removes it; an erasure deletes it" },
    Kept { table: "socle.recovery_codes", reason: "until a new set replaces them; an erasure deletes them" },
    Kept { table: "socle.passkeys", reason: "until the person removes it; an erasure deletes it" },
    Kept {
        table: "socle.key_destructions",
        reason: "never deleted: who asked for and approved a destruction must outlive every backup",
    },
    Kept { table: "socle.key_rotations", reason: "one row a rotation; it names who started it" },
    Kept {
        table: "socle.data_keys",
        reason: "as long as something is sealed under them; that a key is destroyed must outlive every backup",
    },
    Kept {
        table: "socle.files",
        reason: "as long as what it belongs to, or as its kind says; files.sweep takes row and content away",
    },
    Kept { table: "socle.tenant_rules", reason: "as long as the tenant is there; they name no person" },
];
