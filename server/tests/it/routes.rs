//! Every declared route, walked: what is public is listed, and a stranger gets nothing else.

use std::collections::BTreeSet;

use anyhow::Result;
use socle::web::{Access, Kind, Method, Route};
use testkit::Stage;

use crate::sources;

/// Some id: a stranger must not learn whether it is one.
const ID: &str = "019500a0-0000-7000-8000-000000000001";

/// `GET /physiotraq/app`, as lists and documents spell a route.
pub fn spelled(base: &str, route: &Route) -> String {
    format!("{} {base}{}", route.method.name(), route.path)
}

fn verb(route: &Route) -> reqwest::Method {
    reqwest::Method::from_bytes(route.method.name().as_bytes()).unwrap()
}

fn declared(stage: &Stage) -> (&'static str, Vec<Route>) {
    let routes = stage.product.clone().routes();
    (routes.base(), routes.declared().to_vec())
}

/// `METHOD /path` of every line; what follows is the reason, and there must be one.
fn listed() -> BTreeSet<String> {
    let text = sources::read("docs/public-routes.txt");
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let entry = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let (method, path, reason) = (words.next(), words.next(), words.next());
        assert!(reason.is_some_and(|reason| reason.trim().len() > 10), "a reason is a sentence: {line}");
        format!("{} {}", method.unwrap(), path.unwrap())
    };
    lines.map(entry).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_routes_are_the_listed_ones() -> Result<()> {
    let stage = Stage::new().await?;
    let (base, routes) = declared(&stage);
    let public = routes.iter().filter(|route| route.access == Access::Public);
    let public: BTreeSet<String> = public.map(|route| spelled(base, route)).collect();
    assert_eq!(public, listed(), "public routes and docs/public-routes.txt");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_gets_the_sign_in_page_or_401_everywhere_else() -> Result<()> {
    let stage = Stage::new().await?;
    let stranger = stage.anybody();
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let (base, routes) = declared(&stage);
    let closed: Vec<&Route> = routes.iter().filter(|route| route.access != Access::Public).collect();
    assert!(closed.len() > 20, "the routes were to be there: {}", closed.len());
    for route in closed {
        let named = spelled(base, route);
        let path = format!("{base}{}", route.path.replace("{id}", ID).replace("{device}", ID));
        let path = path.replace("{kind}", "MARKETING").replace("{type}", "MARKETING");
        let path = path.replace("{word}", "pause").replace("{version}", "03.1.0");
        assert!(!path.contains('{'), "this test does not know the parameter of {named}");
        let answer = match route.method {
            Method::Get => stranger.get(&path).await?,
            Method::Post => stranger.post(&path, &[("name", "x")]).await?,
            Method::Put | Method::Patch | Method::Delete => {
                http.request(verb(route), format!("{}{path}", stage.url())).send().await?
            }
        };
        match route.kind {
            Kind::Page => {
                assert_eq!(answer.status(), 303, "{named}");
                let location = testkit::Person::location(&answer);
                assert!(location.starts_with(&format!("{base}/sign_in?next=")), "{named}: {location}");
            }
            Kind::Api => assert_eq!(answer.status(), 401, "{named}"),
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_no_device_and_a_device_is_no_person() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let (base, routes) = declared(&stage);
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    for route in routes.iter().filter(|route| route.access == Access::Device) {
        let named = spelled(base, route);
        let url = format!("{}{base}{}", stage.url(), route.path);
        let answer = http.request(verb(route), url).header("cookie", licence.owner.cookie()).send().await?;
        assert_eq!(answer.status(), 401, "{named} with a person's cookie");
    }
    for route in routes.iter().filter(|route| matches!(route.access, Access::To(_)) && route.kind == Kind::Api) {
        let named = spelled(base, route);
        let path = route.path.replace("{id}", ID).replace("{device}", ID);
        let url = format!("{}{base}{path}", stage.url());
        let answer = http.request(verb(route), url).bearer_auth(&licence.device.seeded.credential).send().await?;
        assert_eq!(answer.status(), 401, "{named} with a device's credential");
    }
    Ok(())
}
