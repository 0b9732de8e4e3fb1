//! What is not meant to happen, and does.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use private_pg::{Cluster, Error};
use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::{Sandbox, query, wait_until};

#[test]
fn a_half_done_initdb_is_done_again() {
    let sandbox = Sandbox::new("half");
    let folder = sandbox.cluster_folder();
    let mut starter = sandbox.other("use");
    wait_until("initdb has begun", || folder.join("pg/data.new/PG_VERSION").exists());
    starter.kill();
    assert!(!folder.join("pg/data").exists());

    let cluster = sandbox.ensure();
    assert_eq!(query(&cluster, "SELECT 1"), "1");
    assert!(!folder.join("pg/data.new").exists());
}

#[test]
fn a_dead_servers_files_do_not_hinder_a_start() {
    let sandbox = Sandbox::new("crash");
    let cluster = sandbox.ensure();
    query(&cluster, "CREATE TABLE kept AS SELECT 42 AS answer");
    kill_process(Pid::from_raw(sandbox.postmaster()).unwrap(), Signal::KILL).unwrap();
    wait_until("the server is gone", || !sandbox.running());

    let again = sandbox.ensure();
    assert_eq!(again.port(), cluster.port());
    assert_eq!(query(&again, "SELECT answer FROM kept"), "42");
    again.stop().unwrap();

    // The dead server's number has gone to another program.
    let mut stranger = Command::new("sleep").arg("60").spawn().unwrap();
    let data = sandbox.cluster_folder().join("pg/data");
    let stale = format!("{}\n{}\n1700000000\n20000\n/tmp\n127.0.0.1\n 1 1\nready\n", stranger.id(), data.display());
    fs::write(data.join("postmaster.pid"), stale).unwrap();
    assert!(!sandbox.running());
    assert_eq!(query(&sandbox.ensure(), "SELECT answer FROM kept"), "42");
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger was left alone");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_taken_port_is_picked_again() {
    let sandbox = Sandbox::new("port");
    let cluster = sandbox.ensure();
    let first = cluster.port();
    cluster.stop().unwrap();
    let taker = TcpListener::bind(("127.0.0.1", first)).unwrap();

    let cluster = sandbox.ensure();
    assert_ne!(cluster.port(), first);
    assert_eq!(query(&cluster, "SHOW port"), cluster.port().to_string());
    let second = cluster.port();
    cluster.stop().unwrap();
    drop(taker);
    assert_eq!(sandbox.ensure().port(), second, "the new port is remembered");
}

#[test]
fn a_missing_postgresql_is_answered_with_the_command_to_install_it() {
    let sandbox = Sandbox::new("missing");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env("PRIVATE_PG_BIN", &sandbox.folder);
    let said = sandbox.start(command, "fail").reply().unwrap();
    assert!(said.contains("apt-get install -y postgresql") || said.contains("brew install postgresql@17"), "{said}");
}

#[test]
fn what_cannot_start_says_why_and_nothing_is_deleted() {
    let sandbox = Sandbox::new("why");
    sandbox.ensure().stop().unwrap();
    let folder = sandbox.cluster_folder();
    let (version, password) = (folder.join("pg/data/PG_VERSION"), folder.join("secrets/superuser"));

    fs::write(folder.join("pg/data/postgresql.conf"), "no_such_setting = 1\n").unwrap();
    let error = Cluster::ensure(&sandbox.options).unwrap_err();
    assert!(error.to_string().contains("no_such_setting"), "{error}");

    let major = fs::read(&version).unwrap();
    fs::write(&version, "9\n").unwrap();
    let error = Cluster::ensure(&sandbox.options).unwrap_err();
    assert!(matches!(error, Error::MajorGone { major: 9, .. }), "{error}");
    fs::write(&version, major).unwrap();

    fs::remove_file(password).unwrap();
    let error = Cluster::ensure(&sandbox.options).unwrap_err();
    assert!(matches!(error, Error::PasswordGone { .. }), "{error}");
    assert!(version.exists());
}

#[test]
fn bad_names_are_refused() {
    let sandbox = Sandbox::new("names");
    let mut options = sandbox.options.clone();
    options.name = "../elsewhere".to_owned();
    assert!(matches!(Cluster::ensure(&options), Err(Error::Name(_))));
}
