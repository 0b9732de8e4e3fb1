//! CSV files for people: lines that a spreadsheet does not run, sent page by page.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use http::header;

use crate::{Error, Result};

/// One CSV line. A text that a spreadsheet would run as a formula gets an apostrophe in front; numbers keep their sign.
///
/// # Errors
/// When the line cannot be written.
pub fn csv_line(fields: &[String]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let broken = |error: csv::Error| Error::internal(format!("csv: {error}"));
    writer.write_record(fields.iter().map(|field| inert(field))).map_err(broken)?;
    writer.into_inner().map_err(|error| Error::internal(format!("csv: {error}")))
}

fn inert(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']) && field.parse::<f64>().is_err();
    if formula { format!("'{field}") } else { field.to_owned() }
}

/// A file to be saved: its header line, and the rest as it comes.
pub fn csv_file(name: &str, header: Vec<u8>, rows: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Response {
    let first = stream::once(async move { Ok(Bytes::from(header)) });
    let body = Body::from_stream(futures_util::StreamExt::chain(first, rows));
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_made_inert_and_numbers_are_not() {
        for (sent, kept) in [("=1+1", "'=1+1"), ("@x", "'@x"), ("-61", "-61"), ("+x", "'+x"), ("38.7", "38.7")] {
            assert_eq!(inert(sent), kept);
        }
    }
}
