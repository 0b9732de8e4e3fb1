//! What cannot be held to the rules, each with its reason. The list may only shrink.

use crate::sources;

const FILE: &str = "docs/unauthorised-exceptions.txt";
/// How many there are. Only ever make this smaller.
const MOST: usize = 0;

/// `caller METHOD path reason` of every line.
fn listed() -> Vec<(String, String)> {
    let text = sources::read(FILE);
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let entry = |line: &str| {
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().unwrap_or_else(|| panic!("{FILE}: not `caller METHOD path reason`: {line}"));
        let (caller, method, path, reason) = (word(), word(), word(), word());
        assert!(reason.len() > 20, "{FILE}: a reason is a sentence: {line}");
        (caller.to_owned(), format!("{method} {path}"))
    };
    lines.map(entry).collect()
}

/// The exceptions of one caller.
pub struct Exceptions(Vec<String>);

impl Exceptions {
    pub fn of(caller: &str) -> Self {
        Self(listed().into_iter().filter(|(who, _)| who == caller || who == "*").map(|(_, route)| route).collect())
    }

    pub fn covers(&self, route: &str) -> bool {
        self.0.iter().any(|listed| listed == route)
    }
}

#[test]
fn the_list_of_exceptions_only_shrinks() {
    let listed = listed();
    assert!(listed.len() == MOST, "{FILE} has {} lines; make the route keep the rule instead", listed.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_exception_names_a_route_that_is_there() -> anyhow::Result<()> {
    let scene = super::scene::scene().await?;
    let mut routes = Vec::new();
    for mounted in scene.mounted() {
        routes.extend(mounted.routes.iter().map(|route| super::calls::named(mounted.base, route)));
    }
    let gone: Vec<_> = listed().into_iter().filter(|(_, route)| !routes.contains(route)).collect();
    assert!(gone.is_empty(), "{FILE} excuses what is not there any more: {gone:?}");
    Ok(())
}
