//! Tokens that the server did not sign, or signed for something else: nobody's.

use anyhow::{Result, bail};
use chrono::TimeDelta;
use secrecy::SecretString;
use serde_json::json;
use socle::db::Trace;
use socle::identity::actions::{self, Client};
use socle::identity::entry::{self, Step, Wish};
use socle::identity::factors::{Answer, second_step};
use socle::identity::{AccessTokens, Claims};
use socle::ids::{AccountId, SessionId};
use socle::platform;
use socle::web::Product;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{HOME, OPERATOR, OWNER, PASSWORD, no, scene};
use crate::answers;
use crate::cookies::{self, Browser};

/// A hash function of PostgreSQL, and the length of its block: the tokens are signed without the library that reads
/// them.
type Hash = (&'static str, usize);
const SHA256: Hash = ("SELECT sha256($1)", 64);
const SHA512: Hash = ("SELECT sha512($1)", 128);

async fn digest(admin: &mut PgConnection, (statement, _): Hash, bytes: &[u8]) -> Result<Vec<u8>> {
    Ok(sqlx::query_scalar::<_, Vec<u8>>(statement).bind(bytes).fetch_one(admin).await?)
}

/// HMAC as RFC 2104 has it, for keys that are no longer than a block.
async fn hmac(admin: &mut PgConnection, hash: Hash, key: &[u8], message: &[u8]) -> Result<Vec<u8>> {
    let padded = |pad: u8| (0..hash.1).map(|place| key.get(place).copied().unwrap_or(0) ^ pad).collect::<Vec<u8>>();
    let inner = digest(admin, hash, &[padded(0x36).as_slice(), message].concat()).await?;
    digest(admin, hash, &[padded(0x5C), inner].concat()).await
}

async fn base64url(admin: &mut PgConnection, bytes: &[u8]) -> Result<String> {
    let statement = "SELECT translate(encode($1, 'base64'), E'+/=\\n', '-_')";
    Ok(sqlx::query_scalar::<_, String>(statement).bind(bytes).fetch_one(admin).await?)
}

/// A token of this header and payload, signed.
async fn signed(admin: &mut PgConnection, hash: Hash, key: &[u8], (header, payload): (&str, &str)) -> Result<String> {
    let message = format!("{}.{payload}", base64url(admin, header.as_bytes()).await?);
    let signature = hmac(admin, hash, key, message.as_bytes()).await?;
    Ok(format!("{message}.{}", base64url(admin, &signature).await?))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_algorithm_secret_kind_or_payload_is_taken() -> Result<()> {
    let (stage, _licence, api) = scene().await?;
    let mut admin = stage.database.admin().await?;
    let pair = api.sign_in(OPERATOR).await?;
    let owners = api.sign_in(OWNER).await?;
    let [_, payload, signature] = pair.access.split('.').collect::<Vec<_>>().try_into().unwrap();
    let [header, foreign, _] = owners.access.split('.').collect::<Vec<_>>().try_into().unwrap();
    let key = stage.product.app().vault.derive("access tokens");
    let (right, plain) = (r#"{"typ":"at+jwt","alg":"HS256"}"#, r#"{"typ":"JWT","alg":"HS256"}"#);
    let longer = r#"{"typ":"at+jwt","alg":"HS512"}"#;
    // The forger knows how: with the server's own secret it is taken.
    assert!(api.knows(&signed(&mut admin, SHA256, &key, (right, payload)).await?).await?);
    let other = stage.product.app().vault.derive("refresh tokens");
    let embedded = r#"{"typ":"at+jwt","alg":"HS256","jwk":{"kty":"oct","k":"AAAA"},"kid":"../../dev/null"}"#;
    for (what, token) in [
        ("HS512", signed(&mut admin, SHA512, &key, (longer, payload)).await?),
        ("HS512 in the header alone", signed(&mut admin, SHA256, &key, (longer, payload)).await?),
        ("no access token", signed(&mut admin, SHA256, &key, (plain, payload)).await?),
        ("no kind", signed(&mut admin, SHA256, &key, (r#"{"alg":"HS256"}"#, payload)).await?),
        ("another secret", signed(&mut admin, SHA256, &other, (right, payload)).await?),
        ("an empty secret", signed(&mut admin, SHA256, b"", (right, payload)).await?),
        ("a key in the header", signed(&mut admin, SHA256, &[0, 0, 0], (embedded, payload)).await?),
        ("somebody else's payload", format!("{header}.{foreign}.{signature}")),
        ("no signature", format!("{header}.{payload}.")),
        ("two parts", format!("{header}.{payload}")),
    ] {
        assert!(!api.knows(&token).await?, "{what}");
    }
    for algorithm in ["none", "None", "NONE", "", "RS256", "ES256", "EdDSA"] {
        let named = base64url(&mut admin, json!({ "typ": "at+jwt", "alg": algorithm }).to_string().as_bytes()).await?;
        for signature in ["", signature] {
            assert!(!api.knows(&format!("{named}.{payload}.{signature}")).await?, "{algorithm:?} {signature:?}");
        }
    }
    assert!(api.knows(&pair.access).await?);
    Ok(())
}

/// Claims that the server could sign.
fn claims(account: AccountId, session: SessionId, realm: &str) -> Claims {
    Claims {
        sub: account,
        email: OPERATOR.to_owned(),
        role: "admin".to_owned(),
        permissions: Vec::new(),
        aud: realm.to_owned(),
        sid: session,
        iss: String::new(),
        iat: 0,
        nbf: 0,
        exp: 0,
        jti: Uuid::nil(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_realm_or_a_browser_holds_opens_nothing_here() -> Result<()> {
    let (stage, licence, api) = scene().await?;
    let mut admin = stage.database.admin().await?;
    api.sign_in(OPERATOR).await?;
    let session = "SELECT id FROM socle.sessions WHERE account_id = $1 AND kind = $2";
    let mut own = Vec::new();
    for kind in ["api", "browser"] {
        let found = sqlx::query_scalar::<_, Uuid>(session).bind(licence.operator.account.0).bind(kind);
        own.push(SessionId(found.fetch_one(&mut admin).await?));
    }
    let person = licence.operator.account;
    let olga = stage.operator().await?;
    let (operator, there) = (olga.account, olga.email.as_str());
    let (app, realm) = (stage.platform.app(), &platform::BRANDING.realm);
    let nobody = app.nobody(realm.name, Trace::default());
    let known = actions::know(app, &nobody, realm, (there, SecretString::from(PASSWORD)), None).await?;
    let wish = Wish { tenant: None, client: Client::Api, device: None };
    let Step::SecondFactor(secret) = entry::enter(app, &nobody, realm, known.unwrap(), wish).await? else {
        bail!("an operator is asked for the second factor")
    };
    // Each code is taken once, and this one's browser has had the first.
    stage.clock.advance(TimeDelta::seconds(30));
    let code = Answer::App(olga.app.code(stage.clock.now()));
    let Step::In(theirs) = second_step::answer(app, &nobody, realm, ((&secret, Client::Api), code), false).await?
    else {
        bail!("the operator is not let in")
    };
    for (what, claims, expected) in [
        ("one's own session", claims(person, own[0], "physiotraq"), true),
        ("for another realm", claims(person, own[0], "platform"), false),
        ("for no realm", claims(person, own[0], ""), false),
        ("a browser's session", claims(person, own[1], "physiotraq"), false),
        ("an operator's session", claims(operator, theirs.session, "physiotraq"), false),
        ("an operator's token", claims(operator, theirs.session, "platform"), false),
        ("no session", claims(person, SessionId(Uuid::nil()), "physiotraq"), false),
    ] {
        let token = app.access_tokens.sign(claims.clone(), stage.clock.now())?;
        assert_eq!(api.knows(&token).await?, expected, "{what}");
        let forged = AccessTokens::new(&[0; 32]).sign(claims, stage.clock.now())?;
        assert!(!api.knows(&forged).await?, "{what}, with another secret");
    }
    assert_eq!(answers::refusal(api.refresh(&theirs.token).await?).await?, no("AUTH_REFRESH"));
    // The operators' own cookie, under the name of PhysioTraq's.
    let cookie = olga.browser.cookie();
    assert_eq!(Browser::with(&stage, cookie)?.get("/platform/jobs").await?.status(), 200);
    let renamed = cookie.replace("__Host-platform", cookies::SESSION);
    assert_eq!(Browser::with(&stage, &renamed)?.get(HOME).await?.status(), 303);
    // And an operator's password is no password here.
    let body = json!({ "email": there, "password": PASSWORD });
    assert_eq!(answers::refusal(api.post("/auth/login", &body).await?).await?, no("AUTH_CREDENTIALS"));
    Ok(())
}
