//! What people may do, as typed actions over the policies in `policies/`.

use socle::access::{Action, Policies};

/// Use the field application at all.
pub const USE_APP: Action = Action::new("UseApp", "License");
/// See every treatment of the licence.
pub const LIST_ALL_TREATMENTS: Action = Action::new("ListAllTreatments", "License");
/// Add a device to the licence.
pub const CLAIM_DEVICE: Action = Action::new("ClaimDevice", "License");
/// See the team, invite, remove; the networks that members are let in from.
pub const MANAGE_TEAM: Action = Action::new("ManageTeam", "License");
/// Search the licence's audit trail.
pub const SEE_AUDIT: Action = Action::new("SeeAudit", "License");
/// See a device in lists.
pub const SEE_DEVICE: Action = Action::new("SeeDevice", "Device");
/// Open its live screen and stream.
pub const WATCH_DEVICE: Action = Action::new("WatchDevice", "Device");
/// Start a treatment on it.
pub const START_TREATMENT: Action = Action::new("StartTreatment", "Device");
/// Rename it, assign it, open its registration; say whether it updates its firmware by itself.
pub const MANAGE_DEVICE: Action = Action::new("ManageDevice", "Device");
/// See the firmware that the vendor has published.
pub const SEE_FIRMWARE: Action = Action::new("SeeFirmware", "License");
/// Upload firmware, roll it out, delete it: the vendor's.
pub const MANAGE_FIRMWARE: Action = Action::new("ManageFirmware", "Vendor");
/// See a treatment.
pub const SEE_TREATMENT: Action = Action::new("SeeTreatment", "Treatment");
/// Stop it, abort it, acknowledge its alerts.
pub const OPERATE_TREATMENT: Action = Action::new("OperateTreatment", "Treatment");
/// Export its readings.
pub const EXPORT_TREATMENT: Action = Action::new("ExportTreatment", "Treatment");

/// All of them, in the order of the printed matrix.
pub const ACTIONS: [Action; 14] = [
    USE_APP,
    LIST_ALL_TREATMENTS,
    CLAIM_DEVICE,
    MANAGE_TEAM,
    SEE_AUDIT,
    SEE_DEVICE,
    WATCH_DEVICE,
    START_TREATMENT,
    MANAGE_DEVICE,
    SEE_TREATMENT,
    OPERATE_TREATMENT,
    EXPORT_TREATMENT,
    SEE_FIRMWARE,
    MANAGE_FIRMWARE,
];

/// The roles of the spec, and the vendor's (companion §1).
pub const ROLES: [&str; 3] = ["admin", "operator", "vendor"];

/// The policies, checked in strict mode.
///
/// # Errors
/// When a policy does not fit the schema.
pub fn policies() -> Result<Policies, String> {
    let schema = include_str!("../policies/schema.cedarschema");
    Policies::load(schema, include_str!("../policies/physiotraq.cedar"), &ACTIONS)
}
