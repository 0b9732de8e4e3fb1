//! Pages and APIs: routes declared with their access, forms, errors, languages, headers.

mod assets;
mod compression;
pub mod cursor;
pub mod dev;
mod extract;
mod finish;
mod forms;
mod front;
mod gate;
mod hosts;
mod i18n;
pub mod idempotency;
pub mod instants;
pub mod openapi;
pub mod outbound;
mod page;
mod product;
mod request;
mod routes;
mod session;
mod site;
mod surface;
mod table;

pub use assets::{Asset, Assets};
pub use extract::{Form, Json, JsonFields, Path, Query};
pub use finish::{retry_after, with_camera};
pub use forms::{Choice, FieldError, field_errors, problem};
pub use i18n::{Catalogue, Lang};
pub use page::{NavItem, Notice, Page, Viewer, html, keep_language, see_other};
pub use product::{Branding, Product};
pub use routes::{Access, Kind, Method, Route, Routes};
pub use session::{
    SideCookie, TokenCookie, clear_cookie, clear_side_cookie, clear_token_cookies, device_cookies, leave, set_cookie,
    set_device_cookie, set_side_cookie, set_token_cookie, side_cookie, token_cookie,
};
pub use site::Site;
pub use table::{csv_file, csv_line};

/// JSON bodies larger than this are refused with 413 (a device's batch is the largest thing anybody sends).
pub const BODY_LIMIT: usize = 2 * 1024 * 1024;
/// Forms larger than this are refused with 413.
pub const FORM_LIMIT: usize = 256 * 1024;
/// A form or query with more fields than this is refused with 400.
pub const MOST_FIELDS: usize = 1000;
