//! Access tokens of API clients: signed statements of who was signed in, for 15 minutes. They open nothing by
//! themselves: session, membership and role are read from the database for every request (specs/axtech.md §2.2 for the
//! payload).

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{AccountId, SessionId};
use crate::{Error, Result, ids};

/// How long an access token is taken.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// The `typ` of RFC 9068: a token of another purpose is refused.
const TYPE: &str = "at+jwt";
/// Who signs: what another system signed with the same secret is refused.
const ISSUER: &str = "socle";
/// Clocks of two servers may differ by this much.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);

/// The payload of specs/axtech.md §2.2, with the session it belongs to and the realm it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The account.
    pub sub: AccountId,
    /// Its address.
    pub email: String,
    /// The role at the time of signing; requests read it again.
    pub role: String,
    /// Granular permissions, and the actions that role and permissions allow on something of one's own, at the time of
    /// signing.
    pub permissions: Vec<String>,
    /// The realm.
    pub aud: String,
    /// The session.
    pub sid: SessionId,
    /// Who signed.
    pub iss: String,
    /// Signed at, in seconds since 1970.
    pub iat: i64,
    /// Not taken before then.
    pub nbf: i64,
    /// Not taken from then on.
    pub exp: i64,
    /// The token's own id.
    pub jti: Uuid,
}

/// Signs and verifies access tokens. Cheap to clone.
#[derive(Clone)]
pub struct AccessTokens(Arc<(EncodingKey, DecodingKey)>);

impl AccessTokens {
    /// Over a secret that all server processes share.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(Arc::new((EncodingKey::from_secret(secret), DecodingKey::from_secret(secret))))
    }

    /// Signs claims; issuer, instants and id are set here.
    ///
    /// # Errors
    /// When the crypto library refuses.
    pub fn sign(&self, mut claims: Claims, now: DateTime<Utc>) -> Result<String> {
        claims.iss = ISSUER.to_owned();
        claims.iat = now.timestamp();
        claims.nbf = claims.iat;
        claims.exp = (now + LIFETIME).timestamp();
        claims.jti = ids::fresh(now);
        let header = Header { typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &claims, &self.0.0).map_err(|e| Error::internal(format!("access token: {e}")))
    }

    /// The claims of a token of this realm that is taken at `now`; `None` for anything else. There is one key and one
    /// algorithm: a header that names another key, or brings one along, is not one of ours.
    #[must_use]
    pub fn verify(&self, token: &str, realm: &str, now: DateTime<Utc>) -> Option<Claims> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_audience(&[realm]);
        rules.set_issuer(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        // The one clock decides below; the library would ask the machine's.
        rules.validate_exp = false;
        let token = jsonwebtoken::decode::<Claims>(token, &self.0.1, &rules).ok()?;
        let ours = Header { typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::HS256) };
        let taken = token.claims.nbf <= (now + LEEWAY).timestamp() && token.claims.exp > now.timestamp();
        (token.header == ours && taken).then_some(token.claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            sub: AccountId(Uuid::from_u128(1)),
            email: "a@b.fr".to_owned(),
            role: "admin".to_owned(),
            permissions: vec!["UseApp".to_owned()],
            aud: "physiotraq".to_owned(),
            sid: SessionId(Uuid::from_u128(2)),
            iss: ISSUER.to_owned(),
            iat: 0,
            nbf: 0,
            exp: 0,
            jti: Uuid::nil(),
        }
    }

    #[test]
    fn a_token_is_taken_for_fifteen_minutes_in_its_realm_only() {
        let tokens = AccessTokens::new(&[1; 32]);
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let token = tokens.sign(claims(), now).unwrap();
        let read = tokens.verify(&token, "physiotraq", now).unwrap();
        assert_eq!((read.sid, read.exp - read.iat), (claims().sid, 900));
        assert!(tokens.verify(&token, "physiotraq", now + TimeDelta::seconds(899)).is_some());
        assert!(tokens.verify(&token, "physiotraq", now + LIFETIME).is_none());
        assert!(tokens.verify(&token, "huntzen", now).is_none());
        assert!(AccessTokens::new(&[2; 32]).verify(&token, "physiotraq", now).is_none());
    }

    fn ours() -> Header {
        Header { typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::HS256) }
    }

    fn signed(header: &Header, payload: &impl Serialize) -> String {
        jsonwebtoken::encode(header, payload, &EncodingKey::from_secret(&[1; 32])).unwrap()
    }

    #[test]
    fn claims_of_another_issuer_audience_or_time_are_refused_and_so_are_missing_ones() {
        let tokens = AccessTokens::new(&[1; 32]);
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let at = now.timestamp();
        let good = serde_json::to_value(Claims { iat: at, nbf: at, exp: at + 900, ..claims() }).unwrap();
        let taken = |payload: &serde_json::Value| tokens.verify(&signed(&ours(), payload), "physiotraq", now).is_some();
        assert!(taken(&good));
        for (name, value, expected) in [
            ("iss", "another".into(), false),
            ("iss", serde_json::json!(["socle", "another"]), false),
            ("aud", "huntzen".into(), false),
            ("aud", "".into(), false),
            ("nbf", (at + 60).into(), true),
            ("nbf", (at + 61).into(), false),
            ("exp", (at + 1).into(), true),
            ("exp", at.into(), false),
            ("exp", "never".into(), false),
            ("nbf", serde_json::Value::Null, false),
        ] {
            let mut other = good.clone();
            other[name] = value;
            assert_eq!(taken(&other), expected, "{name}: {other}");
        }
        for name in ["iss", "aud", "nbf", "exp", "sub", "sid"] {
            let mut other = good.clone();
            other.as_object_mut().unwrap().remove(name);
            assert!(!taken(&other), "without {name}");
        }
    }

    #[test]
    fn a_header_that_names_or_brings_a_key_is_not_ours() {
        let tokens = AccessTokens::new(&[1; 32]);
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let payload = Claims { nbf: 0, exp: i64::MAX / 2, ..claims() };
        assert!(tokens.verify(&signed(&ours(), &payload), "physiotraq", now).is_some());
        let text = || Some("../../dev/null".to_owned());
        for header in [
            Header { kid: text(), ..ours() },
            Header { kid: Some(String::new()), ..ours() },
            Header { jku: Some("https://evil.example/keys".to_owned()), ..ours() },
            Header { x5u: text(), ..ours() },
            Header { x5c: Some(vec!["AAAA".to_owned()]), ..ours() },
            Header { x5t: text(), ..ours() },
            Header { cty: Some("JWT".to_owned()), ..ours() },
            Header { typ: Some("JWT".to_owned()), ..ours() },
            Header { typ: Some("AT+JWT".to_owned()), ..ours() },
            Header { typ: None, ..ours() },
        ] {
            assert!(tokens.verify(&signed(&header, &payload), "physiotraq", now).is_none(), "{header:?}");
        }
    }

    #[test]
    fn no_other_algorithm_or_kind_of_token_is_taken() {
        let tokens = AccessTokens::new(&[1; 32]);
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let sign = |header: &Header| signed(header, &Claims { exp: i64::MAX / 2, ..claims() });
        let right = sign(&ours());
        assert!(tokens.verify(&right, "physiotraq", now).is_some());
        assert!(tokens.verify(&sign(&Header::new(Algorithm::HS256)), "physiotraq", now).is_none());
        let longer = sign(&Header { typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::HS512) });
        assert!(tokens.verify(&longer, "physiotraq", now).is_none());
        let [_, payload, _] = right.split('.').collect::<Vec<_>>().try_into().unwrap();
        // {"typ":"at+jwt","alg":"none"} without a signature.
        let unsigned = format!("eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJub25lIn0.{payload}.");
        assert!(tokens.verify(&unsigned, "physiotraq", now).is_none());
    }
}
