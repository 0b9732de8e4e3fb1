//! What a refused form says of its fields, as `components/forms.html` prints it: at the field and in the summary.

use std::borrow::Cow;

use super::Page;
use crate::error::Detail;

/// What is wrong with one field, in the page's language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name, which is also its id: the summary links to it.
    pub field: Cow<'static, str>,
    /// What is wrong and what is accepted.
    pub message: String,
}

/// The faults of a form in the page's language; their messages are keys of texts.
#[must_use]
pub fn field_errors(page: &Page, faults: &[Detail]) -> Vec<FieldError> {
    let error = |fault: &Detail| FieldError { field: fault.field.clone(), message: page.t(&fault.message) };
    faults.iter().map(error).collect()
}

/// The first thing that is wrong with a field, if anything is.
#[must_use]
pub fn problem<'a>(errors: &'a [FieldError], field: &str) -> Option<&'a str> {
    errors.iter().find(|error| error.field == field).map(|error| error.message.as_str())
}

/// One entry of a select or a group of radio buttons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What people read.
    pub label: String,
    /// Whether it is chosen.
    pub selected: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_shows_its_first_problem_and_others_none() {
        let error =
            |field: &'static str, message: &str| FieldError { field: field.into(), message: message.to_owned() };
        let errors = [error("age", "too old"), error("name", "too long"), error("name", "not a name")];
        assert_eq!(problem(&errors, "name"), Some("too long"));
        assert_eq!(problem(&errors, "weight"), None);
        assert_eq!(problem(&[], "name"), None);
    }
}
