//! A throw-away cluster, and other processes that use it: this test binary started again.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use private_pg::{Cluster, Options};

const ACTION: &str = "PRIVATE_PG_TEST_ACTION";
const NAME: &str = "PRIVATE_PG_TEST_NAME";
const CHECKOUT: &str = "PRIVATE_PG_TEST_CHECKOUT";
const MARK: &str = "reply: ";

pub struct Sandbox {
    pub options: Options,
    pub folder: PathBuf,
}

impl Sandbox {
    pub fn new(test: &str) -> Self {
        let name = format!("ppgt-{test}-{}", std::process::id());
        let folder = std::env::temp_dir().join(&name);
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        Self { options: Options { name, checkout: folder.clone() }, folder }
    }

    pub fn ensure(&self) -> Cluster {
        Cluster::ensure(&self.options).unwrap()
    }

    pub fn running(&self) -> bool {
        Cluster::status(&self.options).unwrap().running()
    }

    pub fn cluster_folder(&self) -> PathBuf {
        Cluster::status(&self.options).unwrap().folder
    }

    pub fn postmaster(&self) -> i32 {
        let file = self.cluster_folder().join("pg/data/postmaster.pid");
        fs::read_to_string(file).unwrap().lines().next().unwrap().parse().unwrap()
    }

    /// Another process that does `action` on the same cluster.
    pub fn other(&self, action: &str) -> Other {
        self.start(Command::new(std::env::current_exe().unwrap()), action)
    }

    pub fn start(&self, mut command: Command, action: &str) -> Other {
        let mut child = command
            .args(["--exact", "sandbox::other_process", "--nocapture", "--test-threads=1"])
            .env(ACTION, action)
            .env(NAME, &self.options.name)
            .env(CHECKOUT, &self.options.checkout)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        Other { child, stdin }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let cluster = self.cluster_folder();
        if self.running() {
            // A cluster that was broken on purpose cannot be had any more; its server is then not running either.
            self.ensure().stop().unwrap();
        }
        if let Some(parent) = cluster.parent().filter(|parent| parent.exists()) {
            fs::remove_dir_all(parent).unwrap();
        }
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

pub struct Other {
    pub child: Child,
    stdin: Option<ChildStdin>,
}

impl Other {
    /// Its next answer; `None` when it ended without one.
    pub fn reply(&mut self) -> Option<String> {
        let mut reader = BufReader::with_capacity(1, self.child.stdout.as_mut().unwrap());
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap() > 0 {
            if let Some((_, reply)) = line.trim_end().split_once(MARK) {
                return Some(reply.to_owned());
            }
            line.clear();
        }
        None
    }

    /// Lets it end the ordinary way.
    pub fn release(&mut self) {
        drop(self.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What the other process does. A plain run of the tests passes through here too and does nothing.
#[test]
fn other_process() {
    let Ok(action) = std::env::var(ACTION) else { return };
    let name = std::env::var(NAME).unwrap();
    let checkout = PathBuf::from(std::env::var_os(CHECKOUT).unwrap());
    let made = Cluster::ensure(&Options { name, checkout });
    match (action.as_str(), made) {
        ("use", Ok(cluster)) => {
            reply(&cluster.superuser_url("postgres"));
            wait_for_release();
        }
        ("use and stop", Ok(cluster)) => {
            let by_tcp = query(&cluster, "SELECT current_user");
            let socket = cluster.socket_folder().to_owned();
            reply(&format!("{by_tcp} {} {}", cluster.folder().display(), socket.display()));
            wait_for_release();
            assert!(cluster.stop_if_last().unwrap());
        }
        (_, Ok(_)) => reply("unexpectedly there"),
        (_, Err(error)) => reply(&error.to_string()),
    }
}

fn reply(text: &str) {
    writeln!(std::io::stdout(), "\n{MARK}{text}").unwrap();
}

fn wait_for_release() {
    let mut nothing = String::new();
    std::io::stdin().read_to_string(&mut nothing).unwrap();
}

pub fn query(cluster: &Cluster, sql: &str) -> String {
    try_query(cluster, &cluster.superuser_url("postgres"), sql).unwrap()
}

/// The answer, or what psql complained about.
pub fn try_query(cluster: &Cluster, url: &str, sql: &str) -> Result<String, String> {
    let psql = cluster.bin("psql");
    let output = Command::new(psql).args(["-X", "-A", "-t", "-w", "-d", url, "-c", sql]).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

pub fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < until, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
