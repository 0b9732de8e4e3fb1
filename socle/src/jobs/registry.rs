//! What kinds of jobs there are, who does them, and when schedules come round.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{Job, MAINTENANCE, NOTIFICATIONS, Outcome, Queue, Schedule};
use crate::App;
use crate::web::Branding;

type Run = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Does jobs of one kind.
pub type Handler = Arc<dyn Fn(App, Job) -> Run + Send + Sync>;

/// All kinds, queues and schedules of a server.
#[derive(Clone, Default)]
pub struct Jobs {
    pub(super) handlers: HashMap<&'static str, Handler>,
    pub(super) of_realms: HashMap<(&'static str, &'static str), Handler>,
    pub(super) queues: Vec<Queue>,
    pub(super) schedules: Vec<Schedule>,
    pub(super) realms: Vec<&'static str>,
}

impl Jobs {
    /// The kernel's queues, for jobs of these products. The first one's realm stands for the platform's own work.
    #[must_use]
    pub fn new(products: &[&'static Branding]) -> Self {
        let realms = products.iter().map(|product| product.realm.name).collect();
        Self { queues: vec![NOTIFICATIONS, MAINTENANCE], realms, ..Self::default() }
    }

    /// Adds a queue of a product.
    #[must_use]
    pub fn queue(mut self, queue: Queue) -> Self {
        if !self.queues.contains(&queue) {
            self.queues.push(queue);
        }
        self
    }

    /// Says who does jobs of a kind.
    #[must_use]
    pub fn on<F, R>(mut self, kind: &'static str, run: F) -> Self
    where
        F: Fn(App, Job) -> R + Send + Sync + 'static,
        R: Future<Output = Outcome> + Send + 'static,
    {
        self.handlers.insert(kind, Arc::new(move |app, job| Box::pin(run(app, job))));
        self
    }

    /// Says who does jobs of a kind in one realm, where that takes its product.
    #[must_use]
    pub fn on_of_realm<F, R>(mut self, realm: &'static str, kind: &'static str, run: F) -> Self
    where
        F: Fn(App, Job) -> R + Send + Sync + 'static,
        R: Future<Output = Outcome> + Send + 'static,
    {
        self.of_realms.insert((realm, kind), Arc::new(move |app, job| Box::pin(run(app, job))));
        self
    }

    /// Who does jobs of a kind in a realm.
    pub(super) fn handler(&self, realm: &str, kind: &str) -> Option<Handler> {
        self.of_realms.get(&(realm, kind)).or_else(|| self.handlers.get(kind)).cloned()
    }

    /// Enqueues a job of the platform whenever a schedule comes round.
    #[must_use]
    pub fn every(mut self, schedule: Schedule) -> Self {
        self.schedules.push(schedule);
        self
    }

    /// The realm of a job's row, as callers know it.
    pub(super) fn realm(&self, name: &str) -> Option<&'static str> {
        self.realms.iter().copied().find(|realm| *realm == name)
    }
}
