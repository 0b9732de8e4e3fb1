//! Personal rights: consents, the export of everything about me, erasure, and how long rows are kept. The same pages and
//! jobs for every product; what is a product's own it says through its hooks ([`Product`]).

pub mod consents;
pub mod erasure;
pub mod export;
pub mod holds;
mod pages;
mod products;
pub mod retention;
mod sql;

use chrono::{DateTime, Utc};

pub use products::Products;

use crate::jobs::{Failure, Job, Jobs, MAINTENANCE, Schedule};
use crate::web::{Lang, Product, Routes};
use crate::{App, Error};

/// The page that leads to all of it, below a product's base.
pub const PAGE: &str = "/account/data";

/// Adds the pages and the API of personal rights to a product.
#[must_use]
pub fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    erasure::routes(export::routes(consents::routes(pages::routes(routes))))
}

/// The jobs: exports, erasures and retention for these products. Every mounted product must be among them.
#[must_use]
pub fn jobs(jobs: Jobs, products: &Products) -> Jobs {
    let zone = chrono_tz::Europe::Paris;
    let round = |name, cron| Schedule { name, cron, zone, kind: name, queue: MAINTENANCE };
    let (exporting, erasing, rules) = (products.clone(), products.clone(), products.rules());
    jobs.on(export::BUILD, move |_: App, job: Job| {
        let products = exporting.clone();
        async move {
            let hooks = products.of(job.caller.realm());
            let hooks = hooks.ok_or_else(|| Failure::GiveUp("the product of this export is not mounted".to_owned()))?;
            Box::pin(export::build(hooks, &job)).await
        }
    })
    .on("privacy.erasures", move |_: App, job: Job| {
        let products = erasing.clone();
        async move { Box::pin(erasure::nightly(&products, &job)).await }
    })
    .on("privacy.export_files", async |app: App, job: Job| {
        let gone = export::sweep(&app, job.caller.now())?;
        tracing::debug!(gone, "files of exports deleted");
        Ok(())
    })
    .on("socle.forget", move |app: App, job: Job| {
        let rules = rules.clone();
        async move { retention::nightly(&app, &job, &rules).await }
    })
    .every(round("privacy.erasures", "45 2 * * *"))
    .every(round("privacy.export_files", "*/10 * * * *"))
    .every(round("socle.forget", "30 3 * * *"))
}

/// An instant as people read it, with its zone.
pub(crate) fn moment(at: DateTime<Utc>, lang: Lang) -> String {
    let form = match lang {
        Lang::Fr => "%d/%m/%Y à %H:%M (%Z)",
        Lang::En => "%d %b %Y, %H:%M (%Z)",
    };
    at.with_timezone(&chrono_tz::Europe::Paris).format(form).to_string()
}

/// What a restore has brought back, said at the start of a server: it serves, and operators are to replay the journal.
///
/// # Errors
/// When the journal cannot be read.
pub async fn warn_of_restored(app: &App) -> Result<usize, Error> {
    let missing = erasure::missing(app).await?.len();
    if missing > 0 {
        tracing::error!(missing, "erased accounts are back: run `socle admin privacy replay` (docs/operations.md)");
    }
    Ok(missing)
}
