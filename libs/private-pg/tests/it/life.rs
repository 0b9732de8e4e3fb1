//! What is meant to happen.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

use private_pg::Cluster;
use rustix::process::{Pid, getpgid};

use crate::sandbox::{Sandbox, mode, query, try_query};

#[test]
fn first_start_makes_a_cluster_that_needs_a_password() {
    let sandbox = Sandbox::new("first");
    assert!(!sandbox.running());
    let cluster = sandbox.ensure();
    assert!(sandbox.running());

    let data = query(&cluster, "SHOW data_directory");
    assert_eq!(data, cluster.folder().join("pg/data").display().to_string());
    let settings = "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings
        WHERE name IN ('fsync', 'listen_addresses', 'max_connections', 'max_wal_size', 'password_encryption',
                       'server_encoding', 'shared_buffers', 'lc_collate', 'TimeZone')";
    assert_eq!(
        query(&cluster, settings),
        "TimeZone=UTC fsync=on lc_collate=C listen_addresses=127.0.0.1 max_connections=200 max_wal_size=2048 \
         password_encryption=scram-sha-256 server_encoding=UTF8 shared_buffers=32768"
    );
    assert_eq!(query(&cluster, "SELECT upper('éà')"), "ÉÀ");

    let wrong = cluster.url("postgres", "wrong", "postgres");
    assert!(try_query(&cluster, &wrong, "SELECT 1").unwrap_err().contains("password authentication failed"));
    let socket = format!("host={} port={} user=postgres", cluster.socket_folder().display(), cluster.port());
    let refused = try_query(&cluster, &socket, "SELECT 1").unwrap_err();
    assert!(refused.contains("no password supplied"), "{refused}");
    assert!(!cluster.folder().join("pg/password").exists());
    secrets_are_made_once_and_kept_to_ourselves(&cluster);
}

fn secrets_are_made_once_and_kept_to_ourselves(cluster: &Cluster) {
    let made = cluster.secret("app").unwrap();
    assert_eq!(made.len(), 48);
    assert_eq!(cluster.secret("app").unwrap(), made);
    assert_ne!(cluster.secret("owner").unwrap(), made);
    assert!(cluster.secret("../app").is_err());

    let folder = cluster.folder();
    assert_eq!(mode(&folder.join("secrets/app")), 0o600);
    assert_eq!(mode(&folder.join("secrets/superuser")), 0o600);
    assert_eq!(mode(&folder.join("secrets")), 0o700);
    assert_eq!(mode(&folder.join("pg")), 0o700);
    assert_eq!(mode(&cluster.log_file()), 0o600);

    query(cluster, &format!("CREATE ROLE app LOGIN PASSWORD '{made}'"));
    assert_eq!(try_query(cluster, &cluster.url("app", &made, "postgres"), "SELECT 1"), Ok("1".to_owned()));
}

#[test]
fn a_later_start_finds_the_same_data_on_the_same_port() {
    let sandbox = Sandbox::new("reuse");
    let cluster = sandbox.ensure();
    let (port, postmaster) = (cluster.port(), sandbox.postmaster());
    query(&cluster, "CREATE TABLE kept AS SELECT 42 AS answer");
    cluster.keep();

    let again = sandbox.ensure();
    assert_eq!((again.port(), sandbox.postmaster()), (port, postmaster));
    again.stop().unwrap();
    assert!(!sandbox.running());

    let restarted = sandbox.ensure();
    assert_eq!(restarted.port(), port);
    assert_eq!(query(&restarted, "SELECT answer FROM kept"), "42");
}

#[test]
fn a_server_outlives_its_starter_and_is_adopted() {
    let sandbox = Sandbox::new("adopt");
    let mut starter = sandbox.other("use");
    let url = starter.reply().unwrap();
    let postmaster = sandbox.postmaster();
    let group = getpgid(Pid::from_raw(postmaster)).unwrap();
    assert_eq!(group.as_raw_nonzero().get(), postmaster, "Ctrl-C would reach the server");
    starter.kill();

    let cluster = sandbox.ensure();
    assert_eq!(cluster.superuser_url("postgres"), url);
    assert_eq!(sandbox.postmaster(), postmaster);
    assert_eq!(query(&cluster, "SELECT 1"), "1");
    assert!(cluster.stop_if_last().unwrap());
    assert!(!sandbox.running());
}

#[test]
fn starting_at_once_makes_one_server() {
    let sandbox = Sandbox::new("at-once");
    let mut others = [sandbox.other("use"), sandbox.other("use")];
    let mut urls: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| sandbox.ensure().superuser_url("postgres"))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    urls.extend(others.iter_mut().map(|other| other.reply().unwrap()));
    urls.dedup();
    assert_eq!(urls.len(), 1, "{urls:?}");
    others.iter_mut().for_each(|other| other.release());
}

#[test]
fn only_the_last_user_stops_the_server() {
    let sandbox = Sandbox::new("last");
    let first = sandbox.ensure();
    let mut other = sandbox.other("use");
    other.reply().unwrap();
    assert!(!first.stop_if_last().unwrap());
    assert!(sandbox.running());

    let (second, third) = (sandbox.ensure(), sandbox.ensure());
    other.kill();
    assert!(!second.stop_if_last().unwrap(), "a second value in one process counts too");
    assert!(third.stop_if_last().unwrap());
    assert!(!sandbox.running());
}

#[test]
fn works_for_an_ordinary_user_too() {
    if !rustix::process::geteuid().is_root() {
        writeln!(std::io::stderr(), "SKIPPED works_for_an_ordinary_user_too: needs root").unwrap();
        return;
    }
    let sandbox = Sandbox::new("user");
    // The account may not be able to enter the folder that this binary was built in.
    let program = sandbox.folder.join("tests");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    // So deep that the socket must move to a shorter place.
    let state = sandbox.folder.join("a-state-folder-with-a-long-name").join("x".repeat(60));
    fs::create_dir_all(&state).unwrap();
    let output = Command::new("id").args(["-u", "nobody"]).output().unwrap();
    let nobody = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    std::os::unix::fs::chown(&state, Some(nobody), Some(nobody)).unwrap();

    let mut command = Command::new(&program);
    command.uid(nobody).gid(nobody).current_dir("/").env_remove("HOME").env("XDG_STATE_HOME", &state);
    let mut other = sandbox.start(command, "use and stop");
    let reply = other.reply().unwrap();
    let [who, folder, socket] = reply.split(' ').collect::<Vec<_>>()[..] else { panic!("{reply}") };
    assert_eq!(who, "postgres");
    assert!(folder.starts_with(&state.display().to_string()), "{folder}");
    assert_eq!(fs::metadata(folder).unwrap().uid(), nobody);
    assert!(socket.starts_with("/tmp/ppgt-user"), "{socket}");
    assert_eq!(fs::read_dir(socket).unwrap().count(), 2, "the socket and its lock file");
    let socket = socket.to_owned();
    other.release();
    fs::remove_dir(socket).unwrap();
}

#[test]
fn status_touches_nothing() {
    let sandbox = Sandbox::new("status");
    let status = Cluster::status(&sandbox.options).unwrap();
    assert!(!status.running());
    assert!(!status.folder.exists());
}
