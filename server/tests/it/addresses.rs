//! Where things are and how they travel: the list of products, host names, compressed answers.

use anyhow::{Context, Result, bail};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_ENCODING, COOKIE, ETAG, HOST, IF_NONE_MATCH, LOCATION,
    SET_COOKIE, VARY,
};
use reqwest::{Client, RequestBuilder, Response};
use socle::clock::Clock;
use testkit::{Database, Stage, start_of_tests};

use crate::binary::Binary;

/// A browser that shows redirects instead of following them.
fn browser() -> Result<Client> {
    Ok(Client::builder().redirect(reqwest::redirect::Policy::none()).build()?)
}

fn page(request: RequestBuilder) -> RequestBuilder {
    request.header(ACCEPT, "text/html")
}

fn header<'a>(answer: &'a Response, name: &reqwest::header::HeaderName) -> &'a str {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_root_lists_the_products_in_both_languages() -> Result<()> {
    let stage = Stage::new().await?;
    let (http, root) = (browser()?, format!("{}/", stage.url()));
    for (language, title, open) in [("fr", "Plateformes", "Ouvrir physiotraq"), ("en", "Platforms", "Open physiotraq")]
    {
        let answer = page(http.get(&root)).header(ACCEPT_LANGUAGE, language).send().await?;
        assert_eq!(answer.status(), 200);
        assert!(answer.headers()["content-security-policy"].to_str()?.contains("script-src 'self'"));
        let shown = answer.text().await?;
        for part in [title, open, "href=\"/physiotraq/\"", "data-theme=\"physiotraq\""] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
    let switched = page(http.post(format!("{root}language"))).form(&[("lang", "en")]).send().await?;
    assert_eq!((switched.status().as_u16(), header(&switched, &LOCATION)), (303, "/"));
    assert!(header(&switched, &SET_COOKIE).starts_with("lang=en;"));
    let foreign = page(http.post(format!("{root}language"))).header("sec-fetch-site", "cross-site");
    assert_eq!(foreign.form(&[("lang", "en")]).send().await?.status(), 403);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_where_nothing_is_says_so() -> Result<()> {
    let stage = Stage::new().await?;
    let (http, nowhere) = (browser()?, format!("{}/nowhere", stage.url()));
    let answer = page(http.get(&nowhere)).header(ACCEPT_LANGUAGE, "en").send().await?;
    assert_eq!(answer.status(), 404);
    let request_id = answer.headers()["x-request-id"].to_str()?.to_owned();
    assert!(answer.text().await?.contains(&request_id), "the page names the request");
    let answer: serde_json::Value = http.get(&nowhere).send().await?.json().await?;
    assert!(answer["error"]["code"].is_string(), "{answer}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_name_shows_its_product_at_the_root() -> Result<()> {
    let stage = Stage::with(Clock::settable(start_of_tests()), |config| {
        config.http.hosts.insert("physio.test".to_owned(), "physiotraq".to_owned());
    })
    .await?;
    let http = browser()?;
    let get = |host: &str, path: &str| page(http.get(format!("{}{path}", stage.url()))).header(HOST, host).send();
    let front = get("physio.test", "/").await?;
    assert_eq!((front.status().as_u16(), header(&front, &LOCATION)), (303, "/physiotraq/sign_in"));
    for path in ["/sign_in", "/physiotraq/sign_in"] {
        let answer = get("physio.test:8080", path).await?;
        assert_eq!(answer.status(), 200, "{path}");
        assert!(answer.text().await?.contains("action=\"/physiotraq/sign_in\""), "links carry the base");
    }
    let closed = get("physio.test", "/app?tab=1").await?;
    assert_eq!(header(&closed, &LOCATION), "/physiotraq/sign_in?next=%2Fphysiotraq%2Fapp%3Ftab%3D1");
    assert_eq!(get("physio.test", "/health").await?.text().await?, "ok");
    assert_eq!(get("elsewhere.test", "/sign_in").await?.status(), 404);
    assert_eq!(get("elsewhere.test", "/").await?.status(), 200, "the list of products");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_name_for_a_product_that_is_not_there_stops_the_start() -> Result<()> {
    let started = Stage::with(Clock::settable(start_of_tests()), |config| {
        config.http.hosts.insert("huntzen.test".to_owned(), "nobody".to_owned());
    });
    let Err(reason) = started.await else { bail!("it started") };
    assert!(reason.to_string().contains("huntzen.test"), "{reason}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_compressed_but_neither_streams_nor_signing_in() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let http = browser()?;
    let get = |path: String, encodings: &'static str| {
        let request = page(http.get(format!("{}{path}", stage.url()))).header(COOKIE, licence.owner.cookie());
        request.header(ACCEPT_ENCODING, encodings).send()
    };
    let plain = get("/physiotraq/app".to_owned(), "identity").await?;
    assert_eq!(header(&plain, &CONTENT_ENCODING), "");
    assert!(header(&plain, &VARY).contains("accept-encoding"), "a cache must keep both");
    let plain = plain.bytes().await?;
    for (encodings, chosen) in [("gzip", "gzip"), ("gzip, deflate, br", "br")] {
        let answer = get("/physiotraq/app".to_owned(), encodings).await?;
        assert_eq!((answer.status().as_u16(), header(&answer, &CONTENT_ENCODING)), (200, chosen));
        let small = answer.bytes().await?;
        assert!(small.len() * 2 < plain.len(), "{chosen}: {} of {} bytes", small.len(), plain.len());
    }
    let sign_in = http.get(format!("{}/physiotraq/sign_in", stage.url())).header(ACCEPT_ENCODING, "gzip, br");
    assert_eq!(header(&page(sign_in).send().await?, &CONTENT_ENCODING), "");
    let live = get(format!("/physiotraq/live?topic=device:{}", licence.device.id), "gzip, br").await?;
    assert!(header(&live, &reqwest::header::CONTENT_TYPE).starts_with("text/event-stream"));
    assert_eq!(header(&live, &CONTENT_ENCODING), "");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn built_files_are_compressed_and_keep_their_tag() -> Result<()> {
    let database = Database::fresh().await?;
    let binary = Binary::serve(&database).await?;
    let http = browser()?;
    let shown = page(http.get(format!("{}/", binary.url))).send().await?.text().await?;
    let style = shown.split('"').find(|word| word.starts_with("/assets/app.css?")).context("no style sheet")?;
    let get = |path: &str| http.get(format!("{}{path}", binary.url)).header(ACCEPT_ENCODING, "gzip, br");
    let plain = http.get(format!("{}{style}", binary.url)).send().await?;
    let (tag, whole) = (header(&plain, &ETAG).to_owned(), plain.bytes().await?.len());
    let answer = get(style).send().await?;
    assert_eq!((answer.status().as_u16(), header(&answer, &CONTENT_ENCODING)), (200, "br"));
    let weak = format!("W/{tag}");
    assert_eq!(header(&answer, &ETAG), weak);
    assert!(answer.bytes().await?.len() * 4 < whole, "a style sheet shrinks to less than a quarter");
    for held in [&tag, &weak] {
        assert_eq!(get(style).header(IF_NONE_MATCH, held).send().await?.status(), 304, "{held}");
    }
    let font = get("/assets/dm-sans-latin.woff2").send().await?;
    assert_eq!((font.status().as_u16(), header(&font, &CONTENT_ENCODING)), (200, ""));
    binary.stop().await
}
