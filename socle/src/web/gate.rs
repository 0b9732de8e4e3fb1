//! The first net: who knocks, and could they ever.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Uri, header};

use super::page::see_other;
use super::routes::{Access, Kind, Route};
use super::{Product, TokenCookie, session};
use crate::db::{Caller, Trace, Who};
use crate::identity::{self, Proof, actions};
use crate::limits::{Counted, Group};
use crate::{Error, Result, audit, error, limits};

/// The answer to an address where nothing is.
pub(super) async fn nothing_here() -> Error {
    Error::not_found()
}

/// Identifies the caller, asks the policies with the best case, and hands the caller to the handler.
pub(super) async fn gate<P: Product>(
    State((product, route)): State<(P, Route)>,
    mut request: Request,
    next: Next,
) -> Response {
    let trace = request.extensions().get::<Trace>().cloned().unwrap_or_default();
    let base = product.branding().base;
    let path = request.uri().path().to_owned();
    let back = (route.kind == Kind::Page).then(|| way_back(&request, base));
    match enter(&product, route, (request.headers(), &path), trace).await {
        Ok((caller, counted)) => {
            let mut response = match &counted {
                Counted::Free | Counted::Within(_) => {
                    request.extensions_mut().insert(caller.clone());
                    next.run(request).await
                }
                Counted::Beyond(_, error) => error.clone().into_response(),
            };
            if let Counted::Within(standing) | Counted::Beyond(standing, _) = counted {
                response.extensions_mut().insert(standing);
            }
            product.app().watch.noticed(&caller, response.status()).await;
            if let Some(error) = response.extensions().get::<Error>().cloned() {
                if let Some(back) = back.filter(|_| error.code == error::STEP_UP) {
                    let query = serde_html_form::to_string([("next", back)]).unwrap_or_default();
                    return see_other(&format!("{base}/reauthenticate?{query}"));
                }
                audit::note_refusal(product.app(), &caller, route, (&path, &error)).await;
                // The error's page shows who looks at it, with their navigation.
                response.extensions_mut().insert(caller);
            }
            response
        }
        Err(error) if error.status == http::StatusCode::UNAUTHORIZED && route.kind == Kind::Page => {
            let wanted = request.uri().path_and_query().map_or("/", |p| p.as_str());
            let back = serde_html_form::to_string([("next", format!("{base}{wanted}"))]).unwrap_or_default();
            see_other(&format!("{base}/sign_in?{back}"))
        }
        Err(error) if error.code == error::PASSWORD_DUE && route.kind == Kind::Page => {
            see_other(&format!("{base}/account/password"))
        }
        Err(error) if error.code == error::SECOND_FACTOR_DUE && route.kind == Kind::Page => {
            see_other(&format!("{base}/account/factors"))
        }
        Err(error) => error.into_response(),
    }
}

/// Who it is, and how their calls stand.
async fn enter<P: Product>(
    product: &P,
    route: Route,
    place: (&HeaderMap, &str),
    trace: Trace,
) -> Result<(Caller, Counted)> {
    let Admitted { caller, by_token } = admit(product, route, place, trace).await?;
    if route.kind == Kind::Page && route.group == Group::General {
        return Ok((caller, Counted::Free));
    }
    let counted = limits::count(product.app(), &caller, route.group, by_token).await?;
    Ok((caller, counted))
}

/// A caller who may knock.
struct Admitted {
    caller: Caller,
    /// A person's program speaks, with an access token; not a browser session.
    by_token: bool,
}

impl Admitted {
    fn plain(caller: Caller) -> Self {
        Self { caller, by_token: false }
    }
}

/// Where somebody goes on after having proved once more who they are: the page they asked for; of a form, the page it is
/// on, which only an address of this very host is believed to be.
fn way_back(request: &Request, base: &str) -> String {
    let path = |uri: &Uri| uri.path_and_query().map_or_else(String::new, ToString::to_string);
    if request.method().is_safe() {
        return format!("{base}{}", path(request.uri()));
    }
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let referer = text(header::REFERER).and_then(|referer| referer.parse::<Uri>().ok());
    let here = |uri: &Uri| uri.authority().is_some_and(|authority| Some(authority.as_str()) == text(header::HOST));
    referer.filter(here).map(|uri| path(&uri)).unwrap_or_default()
}

async fn admit<P: Product>(
    product: &P,
    route: Route,
    (headers, path): (&HeaderMap, &str),
    trace: Trace,
) -> Result<Admitted> {
    let nobody = product.app().nobody(product.branding().realm.name, trace);
    match route.access {
        Access::Device => device(product, headers, &nobody).await.map(Admitted::plain),
        Access::Public => match person(product, headers, &nobody).await {
            Ok(found) => Ok(found.unwrap_or_else(|| Admitted::plain(nobody))),
            // The sign-in page is for everybody; whose session is not let in from here is nobody here.
            Err(error) if error.code == error::NETWORK => Ok(Admitted::plain(nobody)),
            Err(error) => Err(error),
        },
        Access::Account => signed_in(product, headers, &nobody).await,
        Access::SignedIn => nothing_due(signed_in(product, headers, &nobody).await?),
        Access::To(action) => {
            let admitted = nothing_due(signed_in(product, headers, &nobody).await?)?;
            if product.policies().allows_at_best(admitted.caller.person()?, action) {
                Ok(admitted)
            } else {
                let error = Error::forbidden();
                audit::note_refusal(product.app(), &admitted.caller, route, (path, &error)).await;
                Err(error)
            }
        }
    }
}

async fn signed_in<P: Product>(product: &P, headers: &HeaderMap, nobody: &Caller) -> Result<Admitted> {
    let found = person(product, headers, nobody).await?;
    found.ok_or_else(|| Error::unauthenticated("AUTH_REQUIRED", "Sign in first."))
}

/// Refuses somebody who must first choose a new password or set up a second factor.
fn nothing_due(admitted: Admitted) -> Result<Admitted> {
    match admitted.caller.person()?.due {
        None => Ok(admitted),
        Some(due) => Err(Error::due(due)),
    }
}

/// A bearer token, a token cookie or the session cookie, in this order: a program that says who it is means it.
async fn person<P: Product>(product: &P, headers: &HeaderMap, nobody: &Caller) -> Result<Option<Admitted>> {
    let realm = &product.branding().realm;
    let token = bearer(headers).map(ToOwned::to_owned);
    let token = token.or_else(|| session::token_cookie(headers, realm, TokenCookie::Access));
    let cookie = session::cookie(headers, realm.cookie).filter(|token| !token.is_empty());
    let proof = match (&token, &cookie) {
        (Some(token), _) => match product.app().access_tokens.verify(token, realm.name, nobody.now()) {
            Some(claims) => Proof::Session(claims.sid),
            None => return Ok(None),
        },
        (None, Some(cookie)) => Proof::Cookie(cookie),
        (None, None) => return Ok(None),
    };
    let Some((person, touch_due)) = identity::person_of(product.app(), nobody, realm, proof).await? else {
        return Ok(None);
    };
    let caller = nobody.becoming(Who::Person(Box::new(person)));
    if touch_due {
        actions::touch(&caller).await?;
    }
    Ok(Some(Admitted { caller, by_token: token.is_some() }))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    value.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim)
}

async fn device<P: Product>(product: &P, headers: &HeaderMap, nobody: &Caller) -> Result<Caller> {
    let unknown = || Error::unauthenticated("AUTH_DEVICE", "The device credential is unknown; register the device.");
    let credential = bearer(headers).ok_or_else(unknown)?;
    let machine = product.device(credential).await?.ok_or_else(unknown)?;
    Ok(nobody.becoming(Who::Device(machine)))
}
