//! What an export is made of: sections of records, written once for programs (a JSON file each) and once for people (one
//! HTML file), record by record, so that no section has to fit into memory.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::file::Archive;
use crate::web::{Catalogue, Lang};
use crate::{Error, Result};

/// A kind of record.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// The name of its file, without ending.
    pub name: &'static str,
    /// Key of its title.
    pub title: &'static str,
    /// Its fields, as programs read them, with the keys of what people read.
    pub fields: &'static [(&'static str, &'static str)],
}

/// For whom the archive is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Programs,
    People,
}

/// Takes sections, one after the other.
pub struct Sections {
    archive: Archive,
    form: Form,
    lang: Lang,
    texts: &'static Catalogue,
    open: Option<(&'static Section, u64)>,
    /// Where the sections belong that are written now: the number and name of a tenant.
    place: Option<(usize, String)>,
}

impl Sections {
    pub(super) fn new(archive: Archive, lang: Lang, texts: &'static Catalogue) -> Self {
        Self { archive, form: Form::Programs, lang, texts, open: None, place: None }
    }

    /// Begins a section; the one before it is ended.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn begin(&mut self, section: &'static Section) -> Result<()> {
        self.end().await?;
        self.open = Some((section, 0));
        let title = self.texts.text(self.lang, section.title);
        match (self.form, &self.place) {
            (Form::Programs, None) => self.archive.entry(&format!("data/{}.json", section.name)).await?,
            (Form::Programs, Some((number, _))) => {
                self.archive.entry(&format!("data/{number}-{}.json", section.name)).await?;
            }
            (Form::People, None) => self.say(format!("<h2>{}</h2>\n", escaped(&title))).await?,
            (Form::People, Some((_, name))) => {
                let heading = format!("<h2>{} – {}</h2>\n", escaped(name), escaped(&title));
                self.archive.write(heading.into_bytes()).await?;
            }
        }
        if self.form == Form::Programs { self.say("[".to_owned()).await } else { Ok(()) }
    }

    /// Writes a record of the open section: an object with the section's fields.
    ///
    /// # Errors
    /// 500 when no section is open or the record is no object; when the disk refuses.
    pub async fn record(&mut self, record: Value) -> Result<()> {
        let Value::Object(fields) = record else { return Err(Error::internal("a record of an export is an object")) };
        let Some((section, count)) = self.open.as_mut() else {
            return Err(Error::internal("a record of an export stands outside every section"));
        };
        let (section, first) = (*section, *count == 0);
        *count += 1;
        match self.form {
            Form::Programs => {
                let json = serde_json::to_string(&Value::Object(fields));
                let json = json.map_err(|e| Error::internal(format!("a record of an export: {e}")))?;
                self.say(format!("{}\n{json}", if first { "" } else { "," })).await
            }
            Form::People => {
                let table = self.table(section, &fields);
                self.say(table).await
            }
        }
    }

    fn table(&self, section: &Section, fields: &Map<String, Value>) -> String {
        let mut table = "<table>\n".to_owned();
        for (name, key) in section.fields {
            let shown = match fields.get(*name) {
                None | Some(Value::Null) => continue,
                Some(Value::String(text)) => text.clone(),
                Some(Value::Bool(yes)) => self.texts.text(self.lang, if *yes { "data-yes" } else { "data-no" }),
                Some(other) => other.to_string(),
            };
            let label = escaped(&self.texts.text(self.lang, key));
            // Writing into a String cannot fail.
            let _ = writeln!(table, "<tr><th scope=\"row\">{label}</th><td>{}</td></tr>", escaped(&shown));
        }
        table.push_str("</table>\n");
        table
    }

    pub(super) fn at(&mut self, place: Option<(usize, String)>) {
        self.place = place;
    }

    /// Begins again, for people: one HTML file.
    pub(super) async fn for_people(&mut self) -> Result<()> {
        self.end().await?;
        self.form = Form::People;
        self.archive.entry("index.html").await?;
        let (title, lead) =
            (self.texts.text(self.lang, "data-file-title"), self.texts.text(self.lang, "data-file-lead"));
        let (lang, title, lead) = (self.lang.code(), escaped(&title), escaped(&lead));
        self.say(format!(
            "<!doctype html>\n<html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\n\
             <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}\
             table{{border-collapse:collapse;width:100%;margin:0 0 1rem}}th,td{{border:1px solid #ccc;padding:.25rem .5rem;\
             text-align:left;vertical-align:top;overflow-wrap:anywhere}}th{{width:16rem;font-weight:600}}</style></head>\n\
             <body><h1>{title}</h1>\n<p>{lead}</p>\n"
        ))
        .await
    }

    /// Ends the archive; its length in the clear.
    pub(super) async fn finish(mut self) -> Result<u64> {
        self.end().await?;
        self.say("</body></html>\n".to_owned()).await?;
        self.archive.finish().await
    }

    async fn end(&mut self) -> Result<()> {
        let Some((_, count)) = self.open.take() else { return Ok(()) };
        match self.form {
            Form::Programs => self.say("\n]\n".to_owned()).await,
            Form::People if count == 0 => {
                let none = escaped(&self.texts.text(self.lang, "data-none"));
                self.say(format!("<p>{none}</p>\n")).await
            }
            Form::People => Ok(()),
        }
    }

    async fn say(&mut self, text: String) -> Result<()> {
        self.archive.write(text.into_bytes()).await
    }
}

/// A text within HTML.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
