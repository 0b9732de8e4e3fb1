//! A letter as text and as HTML, in French or English.

use std::borrow::Cow;

use askama::Template;
use fluent_templates::fluent_bundle::FluentValue;

use super::Letter;
use crate::Result;
use crate::web::Branding;

/// A letter ready to be sent.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Subject.
    pub subject: String,
    /// `text/plain`.
    pub text: String,
    /// `text/html`.
    pub html: String,
}

/// The letter's parts, for both templates.
#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a>(&'a Parts);

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Text<'a>(&'a Parts);

struct Parts {
    lang: &'static str,
    product: &'static str,
    subject: String,
    greeting: String,
    paragraphs: Vec<String>,
    /// The button's text and address.
    action: Option<(String, String)>,
    link_note: String,
    closing: String,
    footer: String,
}

/// The words of a text message: nothing of what the product is for, a phone shows them to whoever holds it.
pub(super) fn text(branding: &Branding, letter: &Letter) -> String {
    let name = letter.template.as_str();
    branding.texts.text_of(letter.language, &format!("sms-{name}"), &values(letter).collect())
}

fn values(letter: &Letter) -> impl Iterator<Item = (Cow<'static, str>, FluentValue<'_>)> {
    letter.values.iter().map(|(name, value)| (Cow::Owned(name.clone()), value.as_str().into()))
}

/// Renders a letter; links lead to `base`, the platform's public address.
pub(super) fn render(branding: &Branding, letter: &Letter, base: &str) -> Result<Rendered> {
    let texts = branding.texts;
    let text = |key: &str| {
        let product = ("product", FluentValue::from(branding.name));
        texts.text_of(letter.language, key, &values(letter).chain([(Cow::Borrowed(product.0), product.1)]).collect())
    };
    let named = letter.values.get("first_name").is_some_and(|name| !name.trim().is_empty());
    let key = |part: &str| {
        let name = format!("{}-{part}", letter.template);
        format!("mail-{name}")
    };
    let parts = Parts {
        lang: letter.language.code(),
        product: branding.name,
        subject: text(&key("subject")),
        greeting: text(if named { "mail-greeting" } else { "mail-greeting-nobody" }),
        paragraphs: text(&key("body")).split("\n\n").map(|paragraph| paragraph.trim().to_owned()).collect(),
        action: letter.link.as_ref().map(|path| (text(&key("action")), format!("{base}{path}"))),
        link_note: text("mail-link"),
        closing: text("mail-closing"),
        footer: text(if letter.link.is_some() { "mail-footer" } else { "mail-footer-notice" }),
    };
    Ok(Rendered { text: Text(&parts).render()?, html: Html(&parts).render()?, subject: parts.subject })
}
