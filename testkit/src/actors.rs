//! People and devices, over HTTP as browsers and thermometers speak it.

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use physiotraq::devices::DeviceId;
use physiotraq::seed::Seeded;
use reqwest::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Response, redirect};
use serde_json::{Value, json};
use socle::ids::AccountId;

/// A browser: a cookie, HTML, no redirect followed.
#[derive(Clone)]
pub struct Person {
    /// The account (nil for nobody).
    pub account: AccountId,
    base: String,
    cookie: Option<String>,
    http: Client,
}

impl Person {
    /// Nobody is signed in.
    #[must_use]
    pub fn nobody(base: String) -> Self {
        let http = Client::builder().redirect(redirect::Policy::none()).build().unwrap_or_default();
        Self { account: AccountId(uuid::Uuid::nil()), base, cookie: None, http }
    }

    /// Signs in by the form.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn sign_in(base: String, email: &str, password: &str) -> Result<Self> {
        let nobody = Self::nobody(base);
        let answer = nobody.post("/physiotraq/sign_in", &[("email", email), ("password", password)]).await?;
        let cookie = answer.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        let cookie = cookie.filter_map(|line| line.split(';').next()).find(|pair| pair.starts_with("__Host-"));
        let Some(cookie) = cookie.map(ToOwned::to_owned) else { bail!("sign-in refused: {}", answer.status()) };
        Ok(Self { cookie: Some(cookie), ..nobody })
    }

    /// The same person, known by account.
    #[must_use]
    pub fn with_account(self, account: AccountId) -> Self {
        Self { account, ..self }
    }

    /// The same browser with another cookie, `name=value`.
    #[must_use]
    pub fn with_cookie(self, cookie: String) -> Self {
        Self { cookie: Some(cookie), ..self }
    }

    /// GET as a browser.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, path: &str) -> Result<Response> {
        Ok(self.signed(self.http.get(self.url(path)).header(ACCEPT, "text/html")).send().await?)
    }

    /// GET as a program.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get_json(&self, path: &str) -> Result<Response> {
        Ok(self.signed(self.http.get(self.url(path)).header(ACCEPT, "application/json")).send().await?)
    }

    /// A form.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Response> {
        let request = self.http.post(self.url(path)).header(ACCEPT, "text/html").form(fields);
        Ok(self.signed(request).send().await?)
    }

    /// A form with a file.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn upload(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        (name, file_name, content): (&str, &str, &[u8]),
    ) -> Result<Response> {
        const BOUNDARY: &str = "----a-boundary-that-is-in-no-binary";
        let mut body = Vec::new();
        for (field, value) in fields {
            let part = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        let head = format!("content-disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"");
        body.extend_from_slice(format!("--{BOUNDARY}\r\n{head}\r\ncontent-type: image/png\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let request =
            self.http.post(self.url(path)).header(ACCEPT, "text/html").header("content-type", kind).body(body);
        Ok(self.signed(request).send().await?)
    }

    /// Starts an anonymous treatment on a device; its id.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn start(&self, device: &Device) -> Result<String> {
        let fields = [("device", device.id.to_string()), ("anonymous", "on".to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = self.post("/physiotraq/app/treatments", &fields).await?;
        if answer.status() != 303 {
            bail!("start refused: {} {}", answer.status(), answer.text().await?);
        }
        let shown: Value = self.get_json(&format!("/physiotraq/api/v1/devices/{}", device.id)).await?.json().await?;
        let id = shown.get("treatmentId").and_then(Value::as_str).context("no treatment runs")?;
        Ok(id.to_owned())
    }

    /// Where a redirect leads.
    #[must_use]
    pub fn location(answer: &Response) -> String {
        let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        location.unwrap_or_default().to_owned()
    }

    /// The session cookie, `name=value`.
    #[must_use]
    pub fn cookie(&self) -> &str {
        self.cookie.as_deref().unwrap_or_default()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn signed(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.cookie {
            Some(cookie) => request.header(COOKIE, cookie),
            None => request,
        }
    }
}

/// A thermometer with its credential.
#[derive(Clone)]
pub struct Device {
    /// Id.
    pub id: DeviceId,
    /// Serial number, MAC address, claim secret.
    pub seeded: Seeded,
    base: String,
    http: Client,
}

impl Device {
    /// A registered device.
    #[must_use]
    pub fn new(base: String, seeded: Seeded) -> Self {
        Self { id: seeded.id, seeded, base, http: Client::new() }
    }

    /// The same device, talking to another server.
    #[must_use]
    pub fn at(&self, base: String) -> Self {
        Self { base, ..self.clone() }
    }

    /// Posts JSON to the device API (`path` below `/physiotraq/api/v1`).
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Response> {
        self.post_raw(path, body.to_string().into_bytes()).await
    }

    /// GET from the device API, with headers.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Response> {
        let url = format!("{}/physiotraq/api/v1{path}", self.base);
        let request = self.http.get(url).bearer_auth(&self.seeded.credential);
        let with = |request: reqwest::RequestBuilder, header: &(&str, &str)| request.header(header.0, header.1);
        Ok(headers.iter().fold(request, with).send().await?)
    }

    /// Posts bytes as they are.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post_raw(&self, path: &str, body: Vec<u8>) -> Result<Response> {
        let url = format!("{}/physiotraq/api/v1{path}", self.base);
        let request = self.http.post(url).bearer_auth(&self.seeded.credential);
        Ok(request.header("content-type", "application/json").body(body).send().await?)
    }

    /// One reading; the answer's JSON.
    ///
    /// # Errors
    /// When it is not stored.
    pub async fn measure(&self, at: DateTime<Utc>, celsius: f64) -> Result<Value> {
        let answer = self.post("/measurements", &json!({ "temperature": celsius, "measured_at": at })).await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        if status != 201 { bail!("not stored: {status} {body}") } else { Ok(body) }
    }

    /// Many readings of (time, °C); the answer's JSON.
    ///
    /// # Errors
    /// When the request is refused.
    pub async fn batch(&self, readings: &[(DateTime<Utc>, f64)]) -> Result<Value> {
        let items: Vec<Value> =
            readings.iter().map(|(at, celsius)| json!({ "temperature": celsius, "measured_at": at })).collect();
        let answer = self.post("/measurements/batch", &json!({ "measurements": items })).await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        if status != 200 { bail!("refused: {status} {body}") } else { Ok(body) }
    }
}
