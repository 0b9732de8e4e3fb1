//! The server's process: is it there, start it, stop it.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::error::Doing;
use crate::place::Place;
use crate::tools::Tools;
use crate::{Error, Result};

/// Recovery after a crash counts as starting and may take its time.
const START_PATIENCE: Duration = Duration::from_secs(120);
const STOP_PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);
const ATTEMPTS: u32 = 8;

/// Below the range from which systems take ports for outgoing connections (32768 on Linux, 49152 on macOS).
const FIRST_PORT: u16 = 20_000;
const LAST_PORT: u16 = 31_999;

const LARGEST_LOG: u64 = 16 * 1024 * 1024;
const LONGEST_EXCERPT: u64 = 4096;

/// What `postmaster.pid` says about a live server of ours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Running {
    pub(crate) pid: Pid,
    pub(crate) port: u16,
    pub(crate) ready: bool,
}

impl Running {
    /// `None` when there is no server, also when the file is a dead one's or its number now belongs to another program.
    pub(crate) fn find(place: &Place) -> Option<Self> {
        let text = fs::read_to_string(place.data().join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        let pid = Pid::from_raw(lines.next()?.trim().parse().ok()?)?;
        let port = lines.nth(2)?.trim().parse().ok()?;
        let ready = lines.nth(3).is_some_and(|status| status.trim() == "ready");
        serves(pid, &place.data()).then_some(Self { pid, port, ready })
    }
}

/// Whether this process is the postmaster of these data. The command line tells it without any special right; a
/// process that has ended but was not reaped has none.
#[cfg(target_os = "linux")]
fn serves(pid: Pid, data: &Path) -> bool {
    match fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())) {
        Ok(line) => line.split(|byte| *byte == 0).any(|argument| argument == data.as_os_str().as_encoded_bytes()),
        // Gone, or hidden from us (hidepid): then believe the file, as PostgreSQL itself does.
        Err(_) => test_kill_process(pid).is_ok(),
    }
}

#[cfg(not(target_os = "linux"))]
fn serves(pid: Pid, data: &Path) -> bool {
    let pid = pid.as_raw_nonzero().to_string();
    let Ok(output) = std::process::Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid]).output() else {
        return false;
    };
    String::from_utf8_lossy(&output.stdout).contains(&*data.to_string_lossy())
}

/// Why one try to start ended.
enum Ended {
    /// The port is another program's.
    PortTaken,
    /// The remains of a former server (backends that have not noticed its death) are still there.
    StillBusy,
    Otherwise(String),
}

/// Starts the server, or waits for one that is just starting. Under the start lock.
pub(crate) fn start(place: &Place, tools: &Tools) -> Result<(Running, Option<Child>)> {
    let mut avoid = None;
    let mut log = LogMark::now(place);
    for _ in 0..ATTEMPTS {
        if let Some(starting) = Running::find(place) {
            match wait_ready(place, &log, starting.pid, None)? {
                Ok(running) => return Ok((running, None)),
                Err(_) => continue,
            }
        }
        let port = choose_port(place, avoid)?;
        forget_foreign_pid(place, &place.data().join("postmaster.pid"))?;
        forget_foreign_pid(place, &place.socket.join(format!(".s.PGSQL.{port}.lock")))?;
        write_configuration(place, port)?;
        rotate_log(&place.log())?;
        log = LogMark::now(place);
        let mut child = spawn(place, tools)?;
        let pid = Pid::from_child(&child);
        match wait_ready(place, &log, pid, Some(&mut child))? {
            Ok(running) => return Ok((running, Some(child))),
            Err(Ended::PortTaken) => avoid = Some(port),
            Err(Ended::StillBusy) => thread::sleep(Duration::from_millis(500)),
            Err(Ended::Otherwise(tail)) => return Err(Error::NotStarted { log: place.log(), tail }),
        }
    }
    Err(Error::NotStarted { tail: log.since(), log: log.path })
}

fn wait_ready(
    place: &Place,
    log: &LogMark,
    pid: Pid,
    mut child: Option<&mut Child>,
) -> Result<std::result::Result<Running, Ended>> {
    let until = Instant::now() + START_PATIENCE;
    while Instant::now() < until {
        let gone = match child.as_mut() {
            Some(child) => child.try_wait().doing("wait for the server writing", &log.path)?.is_some(),
            None => !serves(pid, &place.data()),
        };
        if gone {
            return Ok(Err(why_ended(log.since())));
        }
        if let Some(running) = Running::find(place)
            && running.pid == pid
            && running.ready
        {
            return Ok(Ok(running));
        }
        thread::sleep(POLL);
    }
    Err(Error::NotStarted { tail: log.since(), log: log.path.clone() })
}

fn why_ended(tail: String) -> Ended {
    if tail.contains("Address already in use") {
        Ended::PortTaken
    } else if tail.contains("pre-existing shared memory block") || tail.contains("lock file \"postmaster.pid\"") {
        Ended::StillBusy
    } else {
        Ended::Otherwise(tail)
    }
}

fn spawn(place: &Place, tools: &Tools) -> Result<Child> {
    let log = place.log();
    let output = OpenOptions::new().create(true).append(true).mode(0o600).open(&log).doing("open", &log)?;
    let program = tools.bin("postgres");
    place
        .command(&program)
        .arg("-D")
        .arg(place.data())
        .arg("-c")
        .arg(format!("config_file={}", place.configuration().display()))
        .stdin(Stdio::null())
        .stdout(output.try_clone().doing("share", &log)?)
        .stderr(output)
        // Ctrl-C in the terminal reaches us, not the server: we stop it when we are done with it.
        .process_group(0)
        .spawn()
        .doing("run", &program)
}

/// Rewritten before each start; `ALTER SYSTEM` still has the last word.
fn write_configuration(place: &Place, port: u16) -> Result<()> {
    let quoted = |path: &Path| path.display().to_string().replace('\'', "''");
    let text = format!(
        "# Rewritten at every start. For lasting changes use ALTER SYSTEM.\n\
         include '{}'\n\
         listen_addresses = '127.0.0.1'\n\
         port = {port}\n\
         unix_socket_directories = '{}'\n\
         password_encryption = 'scram-sha-256'\n\
         fsync = on\n\
         shared_buffers = '256MB'\n\
         max_connections = 200\n\
         max_wal_size = '2GB'\n\
         timezone = 'UTC'\n\
         log_timezone = 'UTC'\n\
         log_destination = 'stderr'\n\
         logging_collector = off\n",
        quoted(&place.data().join("postgresql.conf")),
        quoted(&place.socket),
    );
    let file = place.configuration();
    fs::write(&file, text).doing("write", &file)?;
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).doing("set the mode of", &file)
}

/// PostgreSQL clears a dead server's files itself, but refuses to start when their process number still answers: it has
/// gone to another program of the same account, or the dead server was not reaped. We know it is no server of these data.
fn forget_foreign_pid(place: &Place, file: &Path) -> Result<()> {
    let Ok(text) = fs::read_to_string(file) else { return Ok(()) };
    let pid = text.lines().next().and_then(|line| line.trim().parse().ok()).and_then(Pid::from_raw);
    if pid.is_some_and(|pid| test_kill_process(pid).is_ok() && !serves(pid, &place.data())) {
        fs::remove_file(file).doing("remove", file)?;
    }
    Ok(())
}

/// The port of last time if it is free, else the first free one from a place that depends on the checkout.
fn choose_port(place: &Place, avoid: Option<u16>) -> Result<u16> {
    let span = u64::from(LAST_PORT - FIRST_PORT) + 1;
    let candidate = |step: u64| u16::try_from(place.hash.wrapping_add(step) % span).ok().map(|n| FIRST_PORT + n);
    place
        .remembered_port()
        .into_iter()
        .chain((0..span).filter_map(candidate))
        .filter(|port| Some(*port) != avoid)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or(Error::NoPort { first: FIRST_PORT, last: LAST_PORT })
}

fn rotate_log(log: &Path) -> Result<()> {
    if fs::metadata(log).is_ok_and(|found| found.len() > LARGEST_LOG) {
        fs::rename(log, log.with_extension("log.1")).doing("rename", log)?;
    }
    Ok(())
}

/// A place in the log, to read later what was written since: an older failure must not explain a new one.
struct LogMark {
    path: PathBuf,
    from: u64,
}

impl LogMark {
    fn now(place: &Place) -> Self {
        let path = place.log();
        let from = fs::metadata(&path).map_or(0, |found| found.len());
        Self { path, from }
    }

    fn since(&self) -> String {
        let mut text = Vec::new();
        if let Ok(mut log) = File::open(&self.path)
            && log.seek(SeekFrom::Start(self.from)).is_ok()
        {
            // An unreadable log leaves the text empty; the error that carries it names the file.
            let _read = log.take(LONGEST_EXCERPT).read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).trim().to_owned()
    }
}

/// Stops the server the fast way: open transactions are rolled back, a checkpoint is written. Under the start lock.
pub(crate) fn stop(place: &Place, mut child: Option<&mut Child>) -> Result<()> {
    let Some(running) = Running::find(place) else { return Ok(()) };
    let data = place.data();
    // The server may be gone by now; the loop below will see it.
    let _sent = kill_process(running.pid, Signal::INT);
    let until = Instant::now() + STOP_PATIENCE;
    while serves(running.pid, &data) {
        if Instant::now() >= until {
            let pid = running.pid.as_raw_nonzero().get();
            return Err(Error::NotStopped { pid, seconds: STOP_PATIENCE.as_secs() });
        }
        thread::sleep(POLL);
    }
    if let Some(child) = child.as_mut() {
        child.wait().doing("wait for the server of", &data)?;
    }
    Ok(())
}
