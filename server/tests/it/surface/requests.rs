//! Requests that are not what they seem: another site's, another method's, another path's.

use anyhow::Result;
use reqwest::header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION, ORIGIN};
use reqwest::{Client, Method, RequestBuilder};
use socle::web::{Access, Kind, Route};
use testkit::Stage;

use super::{raw, status};
use crate::unauthorised::calls::{self, Call};
use crate::unauthorised::footprint;
use crate::unauthorised::scene::{self, Caller, Mounted, Scene};

/// Every route that changes something, as somebody who may: `alter` says how the request is wrong.
async fn refused_everywhere(
    scene: &Scene,
    expected: &[u16],
    alter: impl Fn(RequestBuilder, &Route) -> RequestBuilder,
) -> Result<()> {
    let before = scene.footprint().await?;
    let mut faults = Vec::new();
    let mut tried = 0;
    for mounted in scene.mounted() {
        let caller = scene.insider(&mounted);
        for route in mounted.routes.iter().filter(|route| changes(route)) {
            let answer = alter(request(scene, &mounted, route, &caller), route).send().await?;
            tried += 1;
            if !expected.contains(&answer.status().as_u16()) {
                faults.push(format!("{} {}", calls::named(mounted.base, route), answer.status()));
            }
        }
    }
    assert!(faults.is_empty(), "not {expected:?}: {faults:#?}");
    assert!(tried > 20, "{tried}");
    footprint::is_unchanged(&before, &scene.footprint().await?)
}

fn changes(route: &Route) -> bool {
    route.method != socle::web::Method::Get && route.access != Access::Device
}

fn request(scene: &Scene, mounted: &Mounted, route: &Route, caller: &Caller) -> RequestBuilder {
    let path = Call::new(mounted.base, route, &scene.objects(mounted)).path;
    let method = Method::from_bytes(route.method.name().as_bytes()).unwrap();
    let request = scene.http.request(method, format!("{}{path}", scene.url));
    let request = request.header(ACCEPT, if route.kind == Kind::Page { "text/html" } else { "application/json" });
    request.header(COOKIE, caller.cookie.clone().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_site_sends_changes_nothing_anywhere() -> Result<()> {
    let scene = scene::scene().await?;
    let form = |request: RequestBuilder| request.form(&[("word", "drop"), ("name", "Volé")]);
    refused_everywhere(&scene, &[403], |request, _| form(request).header(ORIGIN, "https://evil.example")).await?;
    refused_everywhere(&scene, &[403], |request, _| form(request).header(ORIGIN, "null")).await?;
    for site in ["cross-site", "same-site", "anything"] {
        refused_everywhere(&scene, &[403], |request, _| form(request).header("sec-fetch-site", site)).await?;
    }
    Ok(())
}

/// The kinds of body that a page can send without the browser asking first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_text_is_neither_a_form_nor_json() -> Result<()> {
    let scene = scene::scene().await?;
    for media_type in ["text/plain", "multipart/form-data; boundary=x"] {
        let before = scene.footprint().await?;
        for mounted in scene.mounted() {
            let caller = scene.insider(&mounted);
            let reading = |route: &&Route| changes(route) && calls::may_be_called(route) && reads_a_body(route);
            for route in mounted.routes.iter().filter(reading) {
                let request = request(&scene, &mounted, route, &caller).header(CONTENT_TYPE, media_type);
                let answer = request.body(r#"{"permissions":[],"role":"OPS","word":"drop"}"#).send().await?;
                let named = calls::named(mounted.base, route);
                assert!(answer.status().is_client_error(), "{named}: {}", answer.status());
            }
        }
        footprint::is_unchanged(&before, &scene.footprint().await?)?;
    }
    Ok(())
}

/// Buttons are forms without a field: what they are sent is not looked at, and where from is (see above).
fn reads_a_body(route: &Route) -> bool {
    const BUTTONS: [&str; 28] = [
        "/stop",
        "/abort",
        "/complete",
        "/end",
        "/open_registration",
        "/registration-window",
        "/release",
        "/resend",
        "/cancel",
        "/remove",
        "/end_others",
        "/forget",
        "/lift",
        "/resume",
        "/withdraw",
        "/moods",
        "/data/exports",
        "/data/exports/{id}",
        "/factors/app",
        "/recovery_codes",
        "/mfa/setup",
        "/mfa/disable",
        "/mfa/recovery-codes",
        // With a body, unlike these: /mfa/passkey/options.
        "/auth/passkey/options",
        "/sign_in/passkey/options",
        "/passkeys/options",
        "/second_factor/options",
        "/reauthenticate/options",
    ];
    route.method != socle::web::Method::Delete && !BUTTONS.iter().any(|button| route.path.ends_with(button))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_changed_by_get_and_no_header_makes_it_another_method() -> Result<()> {
    let scene = scene::scene().await?;
    let before = scene.footprint().await?;
    for mounted in scene.mounted() {
        let caller = scene.insider(&mounted);
        for route in mounted.routes.iter().filter(|route| changes(route)) {
            let path = Call::new(mounted.base, route, &scene.objects(&mounted)).path;
            for overriding in ["x-http-method-override", "x-http-method", "x-method-override"] {
                let request = scene.http.get(format!("{}{path}?_method={}", scene.url, route.method.name()));
                let request = request.header(overriding, route.method.name()).header(ACCEPT, "text/html");
                let answer = request.header(COOKIE, caller.cookie.clone().unwrap_or_default()).send().await?;
                assert!(
                    !answer.status().is_server_error(),
                    "{}: {}",
                    calls::named(mounted.base, route),
                    answer.status()
                );
            }
        }
    }
    let mut after = scene.footprint().await?;
    // That somebody asks for so much that is not there is noted.
    after.remove("socle.security_events");
    footprint::is_unchanged(&before, &after)?;
    // A POST that claims to be a DELETE is a POST.
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let me = format!("{}/physiotraq/api/v1/auth/me", stage.url());
    let posted = Client::new().post(&me).header("x-http-method-override", "GET").header(COOKIE, licence.owner.cookie());
    assert_eq!(posted.send().await?.status(), 405);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_climbs_is_coded_twice_or_holds_a_nul_leads_nowhere() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    for path in [
        "/assets/../Cargo.toml",
        "/assets/..%2f..%2fCargo.toml",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/assets/%252e%252e%252fetc%252fpasswd",
        "/assets/..%5c..%5cetc%5cpasswd",
        "/assets//etc/passwd",
        "/assets/app.css%00.png",
        "/assets/%c0%ae%c0%ae/etc/passwd",
        "/physiotraq/app/../admin/devices",
        "/physiotraq/app/..%2fadmin%2fdevices",
        "/physiotraq/app/%2e%2e/admin",
        "/physiotraq/app/%252e%252e/admin",
        "/physiotraq/app/monitor/%00",
        "/physiotraq/app/monitor/..%2f..%2fadmin",
        "/physiotraq//app",
        "/physiotraq/app%00",
        "/physiotraq/app;a=b",
        "/physiotraq/./app",
        "/PHYSIOTRAQ/app",
        "/physiotraq/app/",
        "/physiotraq/api/v1/devices/%2e%2e%2fregister",
        "/platform/dev/mail/..%2f..%2fjobs",
        "/health/../metrics",
    ] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\naccept: text/html\r\ncookie: {}\r\n\r\n",
            licence.owner.cookie()
        );
        let answer = raw(&stage, &request).await?;
        assert!([400, 404].contains(&status(&answer)), "{path}: {answer:.300}");
        assert!(!answer.contains("root:") && !answer.contains("[workspace]"), "{path}");
    }
    let nul = "GET /physiotraq/app\0 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned();
    assert_eq!(status(&raw(&stage, &nul).await?), 400);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_way_back_leads_out_of_the_product_that_was_asked() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let elsewhere = [
        "//evil.example/",
        "\\\\evil.example/",
        "/\\evil.example/",
        "\\/evil.example/",
        "https://evil.example/physiotraq/",
        "https:/evil.example",
        "javascript:alert(document.cookie)",
        "JaVaScRiPt://physiotraq/%0aalert(1)",
        "data:text/html,x",
        "/physiotraq/\u{0}",
        "/physiotraq/\r\nlocation: https://evil.example",
        "/physiotraq/\t//evil.example",
        "/physiotraq/../trial/app",
        "/physiotraq/%2e%2e/trial/app",
        "/trial/app",
        "/platform/jobs",
        "/physiotraqx/app",
        " /physiotraq/app",
    ];
    for next in elsewhere {
        let query = reqwest::Url::parse_with_params("http://x/", [("next", next)])?;
        let path = format!("/physiotraq/sign_in?{}", query.query().unwrap_or_default());
        let answers = [
            licence.owner.get(&path).await?,
            licence.owner.post("/physiotraq/language", &[("lang", "fr"), ("back", next)]).await?,
            licence.owner.post("/physiotraq/app/profile/preferences", &[("unit", "celsius"), ("back", next)]).await?,
        ];
        for answer in answers {
            let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            assert_eq!(location, Some("/physiotraq/app"), "{next:?} at {}", answer.url());
        }
    }
    Ok(())
}
