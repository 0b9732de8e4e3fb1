//! Every declared route of every mounted product, called by everybody who must not get through: nobody, a device, a wrong
//! role, a stranger with another tenant's real ids, somebody who must first do something else, an expired session, a
//! suspended tenant, another realm's session.
//!
//! Expected: 303 to the sign-in page or 401, 403, 404 (the same answer as for an id that is nowhere), and never 5xx; never
//! the other tenant's words in an answer; not a row of the other tenant changed. What cannot be held to this is listed in
//! `docs/unauthorised-exceptions.txt`, which may only shrink.

pub mod calls;
mod exceptions;
pub mod footprint;
pub mod scene;

use anyhow::Result;
use socle::web::{Access, Kind, Route};

use self::calls::{Call, Told};
use self::exceptions::Exceptions;
use self::scene::{Caller, Mounted, Scene};

/// Everything that was not as it should be; all of it is shown at once.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn note(&mut self, fault: String) {
        self.0.push(fault);
    }

    fn none(self) {
        assert!(self.0.is_empty(), "{} faults: {:#?}", self.0.len(), &self.0[..self.0.len().min(40)]);
    }
}

/// Whether somebody without a session was led to the sign-in page, or told 401.
fn is_turned_away(base: &str, route: &Route, told: &Told) -> bool {
    match route.kind {
        Kind::Page => told.status == 303 && told.location.starts_with(&format!("{base}/sign_in?next=")),
        Kind::Api => told.status == 401,
    }
}

/// Calls every route as one caller and notes what is not as the judge wants it.
async fn walk(
    scene: &Scene,
    mounted: &Mounted,
    caller: &Caller,
    faults: &mut Faults,
    judge: impl Fn(&Route, &Told) -> bool,
) -> Result<()> {
    let exceptions = Exceptions::of(caller.name);
    // Signing out would end the session with which the next routes are asked.
    for route in mounted.routes.iter().filter(|route| calls::may_be_walked(route)) {
        let call = Call::new(mounted.base, route, &scene.objects(mounted));
        let told = call.by(&scene.http, &scene.url, caller).await?;
        let named = calls::named(mounted.base, route);
        let fine = told.status < 500 && judge(route, &told) && scene.leaked(mounted, &call, &told).is_empty();
        if !fine && !exceptions.covers(&named) {
            let leaked = scene.leaked(mounted, &call, &told);
            faults.note(format!("{} got {} {} from {named} {leaked:?}", caller.name, told.status, told.location));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_no_session_here_is_turned_away_everywhere() -> Result<()> {
    let scene = scene::scene().await?;
    let before = scene.footprint().await?;
    let mut faults = Faults::default();
    for mounted in scene.mounted() {
        for caller in scene.outsiders(&mounted) {
            walk(&scene, &mounted, &caller, &mut faults, |route, told| match route.access {
                Access::Public => true,
                // A device gets to what is a device's; with what is not its own in it, it is told so.
                Access::Device => told.status == 401 || caller.device && told.status != 303,
                Access::Account | Access::SignedIn | Access::To(_) => is_turned_away(mounted.base, route, told),
            })
            .await?;
        }
    }
    faults.none();
    footprint::is_unchanged(&before, &scene.footprint().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_may_not_is_refused_at_every_route() -> Result<()> {
    let scene = scene::scene().await?;
    let before = scene.footprint().await?;
    let mut faults = Faults::default();
    let mut refused = 0;
    for mounted in scene.mounted() {
        for (role, caller) in scene.roles(&mounted) {
            let mut own = mounted.clone();
            own.routes.retain(|route| match route.access {
                Access::To(action) => !mounted.allowed(&role, action),
                Access::Public | Access::Account | Access::SignedIn | Access::Device => false,
            });
            refused += own.routes.len();
            walk(&scene, &own, &caller, &mut faults, |_, told| told.status == 403).await?;
        }
    }
    faults.none();
    assert!(refused > 20, "routes were to be closed to some role: {refused}");
    footprint::is_unchanged(&before, &scene.footprint().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_must_first_do_something_else_gets_nowhere_else() -> Result<()> {
    let scene = scene::scene().await?;
    let mut faults = Faults::default();
    for mounted in scene.mounted() {
        let Some(caller) = scene.due(&mounted).await? else { continue };
        walk(&scene, &mounted, &caller, &mut faults, |route, told| match (route.access, route.kind) {
            (Access::Public | Access::Account, _) => true,
            (Access::Device, _) => told.status == 401,
            (_, Kind::Page) => told.status == 303 && told.location.starts_with(&format!("{}/account/", mounted.base)),
            (_, Kind::Api) => told.status == 403,
        })
        .await?;
    }
    faults.none();
    Ok(())
}

/// Another tenant's real ids, and ids that are nowhere: the answers are the same, and nothing happens there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_tenants_ids_are_answered_like_ids_that_are_nowhere() -> Result<()> {
    let scene = scene::scene().await?;
    let before = scene.footprint().await?;
    let mut faults = Faults::default();
    let mut asked = 0;
    for mounted in scene.mounted() {
        for caller in scene.strangers(&mounted) {
            let exceptions = Exceptions::of(caller.name);
            for route in mounted.routes.iter().filter(|route| calls::may_be_called(route)) {
                let named = calls::named(mounted.base, route);
                if exceptions.covers(&named) || calls::shows_what_was_asked(route) {
                    continue;
                }
                for (foreign, nowhere) in Call::pairs(mounted.base, route, &scene.objects(&mounted)) {
                    asked += 1;
                    // First what is nowhere: whatever it leaves behind is the caller's own.
                    let without = nowhere.by(&scene.http, &scene.url, &caller).await?;
                    let told = foreign.by(&scene.http, &scene.url, &caller).await?;
                    let leaked = scene.leaked(&mounted, &foreign, &told);
                    if told.status >= 500 || !leaked.is_empty() {
                        faults.note(format!("{} got {} from {}: {leaked:?}", caller.name, told.status, foreign.path));
                    }
                    if (told.status, foreign.neutral(&told)) != (without.status, nowhere.neutral(&without)) {
                        faults.note(format!("{} tells {} from {}", named, foreign.path, nowhere.path));
                    }
                }
            }
        }
    }
    faults.none();
    assert!(asked > 300, "ids were to be put into every route: {asked}");
    footprint::is_unchanged(&before, &scene.footprint().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_routes_walked_here_are_those_that_the_documents_name() -> Result<()> {
    let scene = scene::scene().await?;
    for mounted in scene.mounted() {
        let declared = mounted.routes.iter().filter(|route| route.kind == Kind::Api);
        let declared: std::collections::BTreeSet<String> =
            declared.map(|route| format!("{} {}", route.method.name(), route.path)).collect();
        let Some(documented) = &mounted.documented else { continue };
        assert_eq!(documented, &declared, "{}: the document and the router", mounted.base);
    }
    // Break-glass is mounted where a product has rules for it; its own document names all of it.
    let document = serde_json::to_value(socle::access::break_glass::api::document())?;
    let documented = scene::operations(&document);
    let trial = scene.mounted().into_iter().find(|mounted| mounted.base == "/trial").unwrap();
    let declared = trial.routes.iter().filter(|route| route.path.starts_with("/api/v1/break-glass"));
    assert_eq!(documented, declared.map(|route| format!("{} {}", route.method.name(), route.path)).collect());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_insider_does_get_through_with_the_same_ids() -> Result<()> {
    let scene = scene::scene().await?;
    let mut shown = 0;
    for mounted in scene.mounted() {
        let caller = scene.insider(&mounted);
        for route in mounted.routes.iter().filter(|route| route.method == socle::web::Method::Get) {
            for (call, _) in Call::pairs(mounted.base, route, &scene.objects(&mounted)) {
                let told = call.by(&scene.http, &scene.url, &caller).await?;
                shown += usize::from(!scene.leaked(&mounted, &call, &told).is_empty());
            }
        }
    }
    assert!(shown > 15, "the marks looked for are those that insiders see: {shown}");
    Ok(())
}
