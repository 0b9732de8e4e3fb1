//! Cookies as a browser keeps them, and a browser that carries those a test has chosen.

use anyhow::{Context, Result};
use reqwest::header::{ACCEPT, COOKIE, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::Value;
use testkit::Stage;

/// The cookie of a browser's session.
pub const SESSION: &str = "__Host-physiotraq";

/// The lines of an answer that set cookies.
pub fn lines(answer: &Response) -> Vec<String> {
    let lines = answer.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    lines.map(ToOwned::to_owned).collect()
}

/// A cookie that an answer sets, as a browser sends it back: `name=value`.
pub fn kept(answer: &Response, name: &str) -> Result<String> {
    let begin = format!("{name}=");
    let line = lines(answer).into_iter().find(|line| line.starts_with(&begin));
    let line = line.with_context(|| format!("{} sets no cookie {name}", answer.status()))?;
    Ok(line.split(';').next().unwrap_or_default().to_owned())
}

/// A browser with cookies of the test's choice; it follows no redirect.
pub struct Browser {
    base: String,
    cookies: String,
    http: Client,
}

impl Browser {
    /// With these cookies: `a=1; b=2`.
    pub fn with(stage: &Stage, cookies: &str) -> Result<Self> {
        let http = Client::builder().redirect(Policy::none()).build()?;
        Ok(Self { base: stage.url(), cookies: cookies.to_owned(), http })
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Result<Response> {
        let request = self.http.get(format!("{}{path}", self.base)).header(ACCEPT, "text/html");
        Ok(request.header(COOKIE, &self.cookies).send().await?)
    }

    /// A form.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Response> {
        let request = self.http.post(format!("{}{path}", self.base)).header(ACCEPT, "text/html");
        Ok(request.header(COOKIE, &self.cookies).form(fields).send().await?)
    }

    /// JSON that a script sends, with an `Origin` when it is given.
    pub async fn send(&self, path: &str, body: &Value, origin: Option<&str>) -> Result<Response> {
        let mut request = self.http.post(format!("{}{path}", self.base)).header(COOKIE, &self.cookies).json(body);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        Ok(request.send().await?)
    }
}
