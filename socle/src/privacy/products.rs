//! The mounted products, as the jobs of personal rights know them: without their types.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::erasure::{Outcome, Use};
use super::export::Sections;
use super::retention::{Kept, Rule};
use crate::db::Tx;
use crate::identity::members;
use crate::ids::AccountId;
use crate::web::{Branding, Product};
use crate::{App, Result};

type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// What the jobs ask of a product; every [`Product`] answers it by its own hooks.
pub(super) trait Hooks: Send + Sync {
    fn app(&self) -> &App;
    fn branding(&self) -> &'static Branding;
    fn rules(&self) -> &'static [Rule];
    fn kept(&self) -> &'static [Kept];
    fn personal_data<'a>(&'a self, tx: &'a mut Tx, account: AccountId, into: &'a mut Sections) -> Doing<'a, ()>;
    fn uses<'a>(&'a self, tx: &'a mut Tx, account: AccountId) -> Doing<'a, Vec<Use>>;
    fn erase<'a>(&'a self, tx: &'a mut Tx, account: AccountId) -> Doing<'a, Vec<Outcome>>;
    fn leave<'a>(&'a self, tx: &'a mut Tx, account: AccountId) -> Doing<'a, ()>;
}

impl<P: Product> Hooks for P {
    fn app(&self) -> &App {
        Product::app(self)
    }

    fn branding(&self) -> &'static Branding {
        Product::branding(self)
    }

    fn rules(&self) -> &'static [Rule] {
        self.retention().0
    }

    fn kept(&self) -> &'static [Kept] {
        self.retention().1
    }

    fn personal_data<'a>(&'a self, tx: &'a mut Tx, account: AccountId, into: &'a mut Sections) -> Doing<'a, ()> {
        Box::pin(Product::personal_data(self, tx, account, into))
    }

    fn uses<'a>(&'a self, tx: &'a mut Tx, account: AccountId) -> Doing<'a, Vec<Use>> {
        Box::pin(Product::uses(self, tx, account))
    }

    fn erase<'a>(&'a self, tx: &'a mut Tx, account: AccountId) -> Doing<'a, Vec<Outcome>> {
        Box::pin(Product::erase(self, tx, account))
    }

    fn leave<'a>(&'a self, tx: &'a mut Tx, account: AccountId) -> Doing<'a, ()> {
        Box::pin(members::leave(self, tx, account))
    }
}

/// The products of a server.
#[derive(Clone, Default)]
pub struct Products(Vec<Arc<dyn Hooks>>);

impl Products {
    /// …and this one.
    #[must_use]
    pub fn with<P: Product>(mut self, product: P) -> Self {
        self.0.push(Arc::new(product));
        self
    }

    /// The product of a realm.
    pub(super) fn of(&self, realm: &str) -> Option<&dyn Hooks> {
        self.0.iter().find(|product| product.branding().realm.name == realm).map(AsRef::as_ref)
    }

    /// The kernel's rules, then the products'.
    pub(super) fn rules(&self) -> Vec<Rule> {
        let own = self.0.iter().flat_map(|product| product.rules());
        super::retention::RULES.iter().chain(own).copied().collect()
    }

    /// `docs/retention.md` for these products.
    #[must_use]
    pub fn retention_page(&self) -> String {
        let kernel = ("Kernel", super::retention::RULES.as_slice(), super::retention::KEPT.as_slice());
        let own = self.0.iter().map(|product| (product.branding().name, product.rules(), product.kept()));
        let all: Vec<_> = std::iter::once(kernel).chain(own.filter(|(_, rules, _)| !rules.is_empty())).collect();
        super::retention::page(&all)
    }
}
