//! The development mailbox: what would have been sent, kept in memory and shown at `/dev/mail`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::{Channel, Rendered};

/// Mails kept; the oldest goes first.
const KEPT: usize = 200;

/// A message in the mailbox.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its number in this process, from 1.
    pub number: usize,
    /// A mail or a text message.
    pub channel: Channel,
    /// To whom.
    pub to: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What; a text message has neither subject nor HTML.
    pub letter: Rendered,
}

/// Mails of this process. Cheap to clone; clones share the mails.
#[derive(Clone, Debug, Default)]
pub struct Mailbox(Arc<Mutex<(usize, VecDeque<Kept>)>>);

impl Kept {
    /// Whether it is a text message.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.channel == Channel::Sms
    }
}

impl Mailbox {
    pub(super) fn keep(&self, (channel, to): (Channel, &str), letter: Rendered, at: DateTime<Utc>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.0 += 1;
        let number = held.0;
        held.1.push_front(Kept { number, channel, to: to.to_owned(), at, letter });
        held.1.truncate(KEPT);
    }

    /// Those to one address or number, newest first.
    #[must_use]
    pub fn to(&self, to: &str) -> Vec<Kept> {
        self.all().into_iter().filter(|kept| kept.to == to).collect()
    }

    /// All of them, newest first.
    #[must_use]
    pub fn all(&self) -> Vec<Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.iter().cloned().collect()
    }

    /// One of them.
    #[must_use]
    pub fn find(&self, number: usize) -> Option<Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.iter().find(|kept| kept.number == number).cloned()
    }
}
