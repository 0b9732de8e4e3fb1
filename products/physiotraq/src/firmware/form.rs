//! The vendor's upload: a form with a file, streamed into the store as it comes.

use axum::extract::multipart::Field;
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::response::Response;
use http::StatusCode;
use socle::error::Detail;
use socle::files::{self, Received};
use socle::web::{Page, see_other};
use socle::{Caller, Error, Result};

use super::model::ReleaseForm;
use super::{actions, pages};
use crate::Physiotraq;

/// A field that is no file has at most so many bytes.
const MOST: usize = 64 * 1024;

/// What was sent: the fields, and the file once it is in the store.
#[derive(Default)]
struct Sent {
    form: ReleaseForm,
    received: Option<Received>,
    faults: Vec<Detail>,
}

pub(super) async fn upload(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    request: Request,
) -> Result<Response> {
    actions::may_publish(&product, &caller)?;
    let sent = read(&product, &caller, request).await?;
    let faults = match (&sent.received, sent.faults.is_empty()) {
        (Some(received), true) => match actions::publish(&product, &caller, &sent.form, received).await {
            Ok(id) => return Ok(see_other(&format!("{}/{id}?notice=firmware-uploaded", pages::VENDOR))),
            Err(error) => pages::upload_faults(error)?,
        },
        (received, _) => {
            if let Some(received) = received {
                files::discard(&product.app, received).await;
            }
            let mut faults = sent.form.checked().err().unwrap_or_default();
            faults.extend(sent.faults);
            faults
        }
    };
    pages::new_again(page, sent.form, &faults)
}

/// Reads the form to its end.
async fn read(product: &Physiotraq, caller: &Caller, request: Request) -> Result<Sent> {
    let unreadable = |error: &dyn std::fmt::Display| Error::malformed(format!("The form cannot be read: {error}."));
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| unreadable(&error))?;
    let mut sent = Sent::default();
    while let Some(field) = form.next_field().await.map_err(|error| unreadable(&error))? {
        match field.name().unwrap_or_default() {
            "binary_file" if sent.received.is_none() => take_file(product, caller, &mut sent, field).await?,
            "version" => sent.form.version = text(field).await?,
            "hardware" => sent.form.hardware = text(field).await?,
            "release_notes" => sent.form.notes = text(field).await?,
            "min_compatible_version" => sent.form.min_compatible = text(field).await?,
            "signature" => sent.form.signature = text(field).await?,
            "is_stable" => sent.form.is_stable = text(field).await? == "on",
            _ => return Err(Error::malformed("The form has a field that this page does not know.")),
        }
    }
    if sent.received.is_none() && sent.faults.is_empty() {
        sent.faults.push(Detail::new("binary_file", "REQUIRED", "firmware-error-file"));
    }
    Ok(sent)
}

/// What is wrong with the file itself stays on the form.
async fn take_file(product: &Physiotraq, caller: &Caller, sent: &mut Sent, field: Field<'_>) -> Result<()> {
    let name = field.file_name().unwrap_or_default().to_owned();
    if name.is_empty() {
        return Ok(());
    }
    match actions::receive(product, caller, &name, field).await {
        Ok(received) => sent.received = Some(received),
        Err(error) => {
            let key = match (error.status, error.code.as_ref()) {
                (StatusCode::PAYLOAD_TOO_LARGE, _) => "firmware-error-large",
                (_, "VAL_CONTENT") => "firmware-error-content",
                (_, "VAL_MALFORMED") => "firmware-error-file",
                _ => return Err(error),
            };
            sent.faults.push(Detail::new("binary_file", "UNFIT", key));
        }
    }
    Ok(())
}

async fn text(mut field: Field<'_>) -> Result<String> {
    let mut bytes = Vec::new();
    let cut = |_| Error::malformed("The form was cut off; send it again.");
    while let Some(piece) = field.chunk().await.map_err(cut)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MOST {
            return Err(Error::too_large());
        }
    }
    String::from_utf8(bytes).map_err(|_| Error::malformed("The form is not UTF-8."))
}
