//! `Idempotency-Key` on creations by people's programs: a request sent again with the same key and body is not done
//! again, it gets the first answer.
//!
//! The place (tenant, account, route, key) is taken in a short transaction of its own before the request runs, so that
//! of two at once only one does. Its answer is kept for 24 h: successes, and refusals that would be the same again. What
//! says "later" (408, 429, 5xx) or "who are you" (401) is not kept, and the place is free for the next try. A request
//! whose server died in the middle holds its place for two minutes; whether it was done is then unknown, and the
//! business rules (one running treatment a device) stand alone.

mod sql;

use std::sync::Arc;

use aws_lc_rs::digest;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tracing::Instrument;
use uuid::Uuid;

use super::{BODY_LIMIT, Product, Route, extract, finish};
use crate::db::{Caller, Tx};
use crate::error::Detail;
use crate::sealed::{Field, TenantKeys};
use crate::{Error, Result, ids};

/// The request's header (draft-ietf-httpapi-idempotency-key-header).
const HEADER: &str = "Idempotency-Key";
/// The header of an answer that was given before.
const REPLAYED: &str = "idempotent-replayed";
/// How long an answer is kept.
const KEPT_FOR: TimeDelta = TimeDelta::hours(24);
/// How long a request without an answer holds its place: longer than any request may take.
const RUNS_AT_MOST: TimeDelta = TimeDelta::minutes(2);

/// Where an answer is kept.
struct Place {
    tenant: Uuid,
    account: Uuid,
    route: String,
    key: String,
}

/// What a key stands for when a request arrives with it.
enum Found {
    /// Nothing yet: this request runs, under this claim.
    Mine(Uuid),
    /// The answer of the first request.
    Answer(Response),
}

/// The layer of [`super::Routes::creation`]; it runs behind the gate, so the caller is known.
pub(super) async fn once<P: Product>(
    State((product, route)): State<(P, Route)>,
    request: Request,
    next: Next,
) -> Response {
    let caller = request.extensions().get::<Caller>().filter(|caller| caller.person().is_ok()).cloned();
    match caller {
        Some(caller) if request.headers().contains_key(HEADER) => {
            let answered = keyed(&product, (&caller, route), request, next).await;
            answered.unwrap_or_else(IntoResponse::into_response)
        }
        _ => next.run(request).await,
    }
}

async fn keyed<P: Product>(
    product: &P,
    (caller, route): (&Caller, Route),
    request: Request,
    next: Next,
) -> Result<Response> {
    let person = caller.person()?;
    let place = Place {
        tenant: person.tenant.0,
        account: person.account.0,
        route: format!("{} {}", route.method.name(), route.path),
        key: key(request.headers())?,
    };
    let (parts, body) = request.into_parts();
    let body = extract::body(body, BODY_LIMIT).await?;
    let address = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let claim = match look(product, caller, &place, &fingerprint(address, &body)).await? {
        Found::Answer(answer) => return Ok(answer),
        Found::Mine(claim) => claim,
    };
    let request = Request::from_parts(parts, Body::from(body));
    Run { product: product.clone(), caller: caller.clone(), place, claim }.answer(request, next).await
}

/// 1 to 255 visible ASCII characters.
fn key(headers: &HeaderMap) -> Result<String> {
    let mut all = headers.get_all(HEADER).iter();
    let key = all.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    if all.next().is_some() || !(1..=255).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let accepted = "Send one key of 1 to 255 visible ASCII characters, for example a UUID.";
        return Err(Error::invalid(vec![Detail::new(HEADER, "INVALID_FORMAT", accepted)]));
    }
    Ok(key.to_owned())
}

/// Address and body as one text, to be hashed under the tenant's key.
fn fingerprint(address: &str, body: &[u8]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(address.as_bytes());
    hash.update(&[0]);
    hash.update(body);
    hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The sealed field that holds an answer.
fn field(claim: Uuid) -> Field<'static> {
    Field { table: "socle.idempotency_keys", column: "body", row: claim }
}

/// Takes the place, or reads what it holds.
async fn look<P: Product>(product: &P, caller: &Caller, place: &Place, fingerprint: &str) -> Result<Found> {
    let mut tx = caller.begin().await?;
    let keys = product.app().vault.keys(&mut tx).await?;
    let hash = keys.blind_index("idempotency_request", fingerprint);
    let claim = ids::fresh(caller.now());
    if sql::claim(&mut tx, place, claim, &hash).await? {
        tx.commit().await?;
        return Ok(Found::Mine(claim));
    }
    held(&mut tx, &keys, place, &hash).await.map(Found::Answer)
}

/// What the first request answered, if it was the same request and has been answered.
async fn held(tx: &mut Tx, keys: &TenantKeys, place: &Place, hash: &[u8]) -> Result<Response> {
    let running = || Error {
        retry_after: Some(1),
        ..Error::conflict("BIZ_IN_PROGRESS", "The first request with this key is still running. Ask again in a second.")
    };
    // Freed between the two statements: the next try takes it.
    let stored = sql::find(tx, place).await?.ok_or_else(running)?;
    if stored.request_hash != hash {
        let message = "This Idempotency-Key was used for another request. Take a new key for a new request.";
        return Err(Error::unprocessable("VAL_IDEMPOTENCY_MISMATCH", message));
    }
    let status = stored.status.and_then(|status| u16::try_from(status).ok()).ok_or_else(running)?;
    let body = keys.open(field(stored.claim), &stored.body.unwrap_or_default())?;
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = StatusCode::from_u16(status).map_err(|_| Error::internal("a kept status is none"))?;
    if let Some(kind) = stored.content_type.and_then(|kind| HeaderValue::from_str(&kind).ok()) {
        answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(answer)
}

/// A first request under way.
struct Run<P> {
    product: P,
    caller: Caller,
    place: Place,
    claim: Uuid,
}

impl<P: Product> Run<P> {
    /// Runs the request to its end in a task of its own: a client that hangs up, or loses its network, finds the answer
    /// when it comes back.
    async fn answer(self, request: Request, next: Next) -> Result<Response> {
        let run = Arc::new(self);
        let inside = Arc::clone(&run);
        let work = async move {
            let answer = next.run(request).await;
            inside.keep(answer).await
        };
        match tokio::spawn(work.in_current_span()).await {
            Ok(answer) => Ok(answer),
            Err(broken) => {
                run.release().await;
                Err(Error::internal(format!("a creation broke off: {broken}")))
            }
        }
    }

    /// Keeps what is worth it, frees the place otherwise; the answer goes on to the client either way.
    async fn keep(&self, answer: Response) -> Response {
        let (parts, body) = answer.into_parts();
        if !worth_keeping(parts.status, &parts.headers) {
            self.release().await;
            return Response::from_parts(parts, body);
        }
        // A refusal gets its body from the outermost layer; what is kept is the same body, made here.
        let (kind, content) = match parts.extensions.get::<Error>() {
            Some(error) => {
                let told = finish::envelope(error, self.caller.trace(), self.caller.now());
                (told.headers().get(header::CONTENT_TYPE).cloned(), told.into_body())
            }
            None => (parts.headers.get(header::CONTENT_TYPE).cloned(), body),
        };
        let text = match to_bytes(content, BODY_LIMIT).await {
            Ok(text) => text,
            Err(error) => {
                self.release().await;
                return Error::internal(format!("an answer broke off: {error}")).into_response();
            }
        };
        let kind = kind.as_ref().and_then(|kind| kind.to_str().ok());
        if let Err(error) = self.store(parts.status, kind, &text).await {
            tracing::warn!(%error, "the answer of a creation could not be kept");
        }
        Response::from_parts(parts, Body::from(text))
    }

    async fn store(&self, status: StatusCode, kind: Option<&str>, text: &[u8]) -> Result<()> {
        let text = std::str::from_utf8(text).map_err(|_| Error::internal("an answer to be kept is not text"))?;
        let status = i16::try_from(status.as_u16()).map_err(|_| Error::internal("a status beyond 999"))?;
        let mut tx = self.caller.begin().await?;
        let keys = self.product.app().vault.keys(&mut tx).await?;
        let body = keys.seal(field(self.claim), text)?;
        let answer = sql::NewAnswer { claim: self.claim, status, content_type: kind, body: &body };
        sql::keep(&mut tx, &self.place, answer).await?;
        tx.commit().await
    }

    /// Frees the place. When even that fails the claim lapses by itself.
    async fn release(&self) {
        let released = async {
            let mut tx = self.caller.begin().await?;
            sql::release(&mut tx, &self.place, self.claim).await?;
            tx.commit().await
        };
        if let Err(error) = released.await {
            tracing::warn!(%error, "the place of a creation could not be freed");
        }
    }
}

/// Successes, and refusals that would be the same again; never an answer that opens a session.
fn worth_keeping(status: StatusCode, headers: &HeaderMap) -> bool {
    let later = [StatusCode::UNAUTHORIZED, StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    let settled = status.is_success() || status.is_client_error() && !later.contains(&status);
    settled && !headers.contains_key(header::SET_COOKIE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_later_or_hands_out_a_session_is_not_kept() {
        let none = HeaderMap::new();
        for (status, kept) in [(201, true), (204, true), (400, true), (409, true), (422, true)] {
            assert_eq!(worth_keeping(StatusCode::from_u16(status).unwrap(), &none), kept, "{status}");
        }
        for status in [303, 401, 408, 429, 500, 503] {
            assert!(!worth_keeping(StatusCode::from_u16(status).unwrap(), &none), "{status}");
        }
        let session = HeaderMap::from_iter([(header::SET_COOKIE, HeaderValue::from_static("a=b"))]);
        assert!(!worth_keeping(StatusCode::CREATED, &session));
    }

    #[test]
    fn a_key_is_one_word_of_visible_ascii() {
        let read = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HEADER.parse::<header::HeaderName>().unwrap(), HeaderValue::from_bytes(value).unwrap());
            }
            key(&headers)
        };
        assert_eq!(read(&[b"a-1"]).unwrap(), "a-1");
        assert_eq!(read(&[&[b'k'; 255]]).unwrap().len(), 255);
        let wrong: [&[&[u8]]; 5] = [&[b""], &[b"a b"], &["é".as_bytes()], &[&[b'k'; 256]], &[b"a", b"b"]];
        for wrong in wrong {
            assert_eq!(read(wrong).unwrap_err().status, StatusCode::BAD_REQUEST, "{wrong:?}");
        }
    }

    #[test]
    fn another_address_or_body_is_another_request() {
        let prints = [("/a", "b"), ("/ab", ""), ("/a", "c"), ("/a?b", "")];
        let prints: std::collections::BTreeSet<String> =
            prints.iter().map(|(address, body)| fingerprint(address, body.as_bytes())).collect();
        assert_eq!(prints.len(), 4);
    }
}
