//! What is pure: subjects, lists of networks, and the reservations of several servers.

use std::collections::HashMap;
use std::net::IpAddr;

use proptest::prelude::*;

use super::calls::{Bucket, Next};
use super::networks::{self, Fault};
use super::{Limits, subject};

fn network(ip: &str) -> String {
    subject::network(Some(ip.parse().unwrap())).to_string()
}

#[test]
fn an_ipv6_subscriber_is_one_and_a_mapped_address_is_ipv4() {
    assert_eq!(network("192.0.2.7"), "192.0.2.7/32");
    assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7/32");
    assert_eq!(network("2001:db8:1:2:aaaa::1"), "2001:db8:1:2::/64");
    assert_eq!(network("2001:db8:1:2::2"), network("2001:db8:1:2:ffff::"));
    assert_ne!(network("2001:db8:1:3::2"), network("2001:db8:1:2::2"));
}

#[test]
fn keys_tell_parts_apart_and_need_the_servers_secret() {
    let limits = Limits::new(&[1; 32]);
    assert_eq!(limits.hash(&["a", "b"]), limits.hash(&["a", "b"]));
    assert_ne!(limits.hash(&["ab", "c"]), limits.hash(&["a", "bc"]));
    assert_ne!(limits.hash(&["a", "b"]), Limits::new(&[2; 32]).hash(&["a", "b"]));
}

#[test]
fn a_list_of_networks_is_read_as_people_write_it() {
    let read = |text: &str| networks::parse(text).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(read(" 10.1.2.3/8, 192.0.2.7\r\n10.0.0.0/8\n"), Ok(vec!["10.0.0.0/8".into(), "192.0.2.7/32".into()]));
    assert_eq!(read("2001:db8::1/32"), Ok(vec!["2001:db8::/32".into()]));
    assert_eq!(read(" \n"), Ok(Vec::new()));
    assert_eq!(read("10.0.0.0/8 clinic"), Err(Fault::NoNetwork("clinic".into())));
    assert_eq!(read("10.0.0.0/33"), Err(Fault::NoNetwork("10.0.0.0/33".into())));
    let many = |count: u8| (0..count).map(|last| format!("192.0.2.{last}\n")).collect::<String>();
    assert_eq!(read(&many(50)).unwrap().len(), 50);
    assert_eq!(read(&many(51)), Err(Fault::TooMany));
}

#[test]
fn a_list_admits_its_networks_and_an_empty_one_everybody() {
    let admits = |list: &[&str], ip: Option<&str>| {
        let list: Vec<String> = list.iter().map(|one| (*one).to_owned()).collect();
        networks::admits(&list, ip.map(|ip| ip.parse::<IpAddr>().unwrap()))
    };
    assert!(admits(&[], Some("192.0.2.7")) && admits(&[], None));
    assert!(admits(&["10.0.0.0/8", "192.0.2.7/32"], Some("192.0.2.7")));
    assert!(admits(&["192.0.2.0/24"], Some("::ffff:192.0.2.7")));
    assert!(!admits(&["10.0.0.0/8"], Some("192.0.2.7")) && !admits(&["10.0.0.0/8"], None));
    assert!(!admits(&["what is this"], Some("192.0.2.7")), "what cannot be read lets nobody in");
}

/// What the row of a window does, as `socle.reserve_calls`.
fn reserve(row: &mut u32, wanted: u32, most: u32) -> (u32, u32) {
    let granted = wanted.min(most.saturating_sub(*row));
    *row = (*row + wanted).min(most).max(*row);
    (granted, *row)
}

/// What happens to one server of several.
#[derive(Clone, Debug)]
enum Step {
    /// A call comes to a server.
    Call(usize),
    /// It asks for calls, and the answer comes late: other steps come between.
    Reserves(usize),
    /// The window is over.
    Next,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..4_usize).prop_map(Step::Call),
        3 => (0..4_usize).prop_map(Step::Reserves),
        1 => Just(Step::Next),
    ]
}

proptest! {
    #[test]
    fn however_calls_fall_on_servers_no_window_has_more_than_the_limit(
        most in 1_u32..200,
        steps in prop::collection::vec(step(), 1..600),
    ) {
        let (mut servers, mut rows) = ([Bucket::default(); 4], HashMap::<i64, u32>::new());
        // Answers on their way: server, window, what was granted.
        let mut coming: Vec<(usize, i64, (u32, u32))> = Vec::new();
        let (mut window, mut taken) = (1_i64, 0_u32);
        for step in steps {
            match step {
                Step::Next => (window, taken) = (window + 1, 0),
                Step::Reserves(server) => {
                    match servers[server].ask(window, most) {
                        Next::Reserve(wanted) => {
                            let granted = reserve(rows.entry(window).or_default(), wanted, most);
                            coming.push((server, window, granted));
                        }
                        // It had one left: the call was answered.
                        Next::Taken(_) => taken += 1,
                        Next::Refused(_) => {}
                    }
                }
                Step::Call(server) => {
                    for (to, of, granted) in coming.drain(..) {
                        servers[to].granted(of, granted);
                    }
                    let mut asked = servers[server].ask(window, most);
                    while let Next::Reserve(wanted) = asked {
                        let granted = reserve(rows.entry(window).or_default(), wanted, most);
                        servers[server].granted(window, granted);
                        asked = servers[server].ask(window, most);
                    }
                    taken += u32::from(matches!(asked, Next::Taken(_)));
                }
            }
            prop_assert!(taken <= most, "{taken} of {most}");
            prop_assert!(rows.values().all(|row| *row <= most));
        }
    }

    #[test]
    fn one_server_alone_hands_out_every_call_and_counts_down(most in 1_u32..300) {
        let (mut server, mut row) = (Bucket::default(), 0);
        for left in (0..most).rev() {
            let mut asked = server.ask(7, most);
            while let Next::Reserve(wanted) = asked {
                server.granted(7, reserve(&mut row, wanted, most));
                asked = server.ask(7, most);
            }
            prop_assert_eq!(asked, Next::Taken(left));
        }
        prop_assert_eq!(server.ask(7, most), Next::Refused(true));
        prop_assert_eq!(server.ask(7, most), Next::Refused(false), "told once");
        prop_assert!(matches!(server.ask(8, most), Next::Reserve(_)), "the next window begins anew");
    }
}
