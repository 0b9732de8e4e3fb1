//! Requests to URLs that people give: nothing inside is reached by them, however it is spelled.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use reqwest::header::HeaderMap;
use socle::web::outbound::{Limits, Names, Outbound, Refused, System};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server of ours that nobody outside may reach; it counts who does.
struct Inside {
    port: u16,
    seen: Arc<AtomicUsize>,
}

impl Inside {
    /// Answers every connection with the same bytes; with an endless body when asked to.
    async fn answering(answer: impl Fn(u16) -> String + Send + 'static, endless: bool) -> Result<Self> {
        let listener = TcpListener::bind("0.0.0.0:0").await?;
        let port = listener.local_addr()?.port();
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let answer = answer(port);
                tokio::spawn(async move {
                    let mut request = [0; 2_048];
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                    while endless && stream.write_all(&[b'x'; 4_096]).await.is_ok() {}
                });
            }
        });
        Ok(Self { port, seen })
    }

    async fn saying(text: &'static str) -> Result<Self> {
        Self::answering(move |_| format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len()), false)
            .await
    }

    async fn leading_to(location: impl Fn(u16) -> String + Send + 'static) -> Result<Self> {
        let head =
            move |port| format!("HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", location(port));
        Self::answering(head, false).await
    }

    fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    /// Limits that let this server's port and, of what is inside, 127.0.0.1 alone.
    fn limits(&self) -> Limits {
        let allowed = vec!["127.0.0.1/32".parse().unwrap()];
        Limits { ports: vec![80, 443, self.port], allowed, ..Limits::default() }
    }
}

/// A resolver that gives one answer after the other, then the last one again.
#[derive(Clone)]
struct Script {
    answers: Arc<Vec<Vec<&'static str>>>,
    asked: Arc<AtomicUsize>,
}

impl Script {
    fn new(answers: &[&[&'static str]]) -> Self {
        let answers = answers.iter().map(|answer| answer.to_vec()).collect();
        Self { answers: Arc::new(answers), asked: Arc::default() }
    }
}

impl Names for Script {
    fn look_up(&self, _: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        let answer = self.answers[number].iter().map(|address| address.parse().unwrap()).collect();
        Box::pin(async move { Ok(answer) })
    }
}

fn is_unreachable(refused: &Refused) -> bool {
    matches!(refused, Refused::Unreachable(_))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_inside_is_refused_in_every_spelling_without_a_connection() -> Result<()> {
    let inside = Inside::saying("secret").await?;
    let outbound = Outbound::new(Limits { ports: vec![inside.port], ..Limits::default() })?;
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "0",
        "localhost",
        "LOCALHOST.",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:0:0:1]",
        "１２７.０.０.１",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "10.0.0.1",
    ] {
        let url = format!("http://{host}:{}/", inside.port);
        let refused = outbound.get(&url).await.unwrap_err();
        assert!(is_unreachable(&refused), "{url}: {refused:?}");
        let refused = outbound.post(&url, HeaderMap::new(), "hook".into()).await.unwrap_err();
        assert!(is_unreachable(&refused), "{url}: {refused:?}");
    }
    assert_eq!(inside.seen(), 0, "nobody was connected to");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_http_at_the_ports_of_the_settings_and_without_a_password_is_requested() -> Result<()> {
    let outbound = Outbound::new(Limits::default())?;
    for url in [
        "",
        "example.org",
        "//example.org/",
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://example.org:80/_GET",
        "javascript:alert(1)",
        "data:text/plain,hello",
        "unix:/run/postgresql",
        "http://user:password@example.org/",
        "http://user@example.org/",
        "http://example.org:22/",
        "https://example.org:5432/",
        "http://example.org:8080/",
        "http://",
        "http://example.org:99999/",
    ] {
        assert!(matches!(outbound.get(url).await, Err(Refused::Url(_))), "{url}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_leads_inside_is_refused_even_when_it_leads_outside_too() -> Result<()> {
    let inside = Inside::saying("secret").await?;
    let url = format!("http://hook.test:{}/", inside.port);
    for answer in [&["10.0.0.7"][..], &["::1"], &["127.0.0.1", "169.254.169.254"], &["1.1.1.1", "::ffff:10.0.0.1"], &[]]
    {
        let outbound = Outbound::resolving(inside.limits(), Script::new(&[answer]))?;
        let refused = outbound.get(&url).await.unwrap_err();
        assert!(is_unreachable(&refused), "{answer:?}: {refused:?}");
        assert_eq!(refused.to_string(), "nothing can be reached at this address", "no word of why");
    }
    assert_eq!(inside.seen(), 0);
    // Allowed, it is reached: what was refused above was not refused by accident.
    let outbound = Outbound::resolving(inside.limits(), Script::new(&[&["127.0.0.1"]]))?;
    assert_eq!(outbound.get(&url).await?.body, "secret");
    Ok(())
}

/// The name says one thing when it is checked and another when it is connected to: there is no second time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_asked_once_and_what_was_checked_is_what_is_connected_to() -> Result<()> {
    let inside = Inside::saying("ours").await?;
    let script = Script::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let outbound = Outbound::resolving(inside.limits(), script.clone())?;
    let url = format!("http://rebind.test:{}/", inside.port);
    assert_eq!(outbound.get(&url).await?.body, "ours");
    assert_eq!(script.asked.load(Ordering::SeqCst), 1, "asked once for one request");
    assert!(is_unreachable(&outbound.get(&url).await.unwrap_err()), "the next request is checked anew");
    assert_eq!((inside.seen(), script.asked.load(Ordering::SeqCst)), (1, 2));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_redirect_is_checked_like_the_first_url_and_a_post_follows_none() -> Result<()> {
    let target = Inside::saying("arrived").await?;
    let port = target.port;
    for (location, reached) in [
        (format!("http://127.0.0.1:{port}/"), true),
        (format!("http://127.0.0.2:{port}/"), false),
        (format!("http://[::ffff:127.0.0.2]:{port}/"), false),
        ("file:///etc/passwd".to_owned(), false),
        (format!("//127.0.0.3:{port}/"), false),
        (format!("http://me:pass@127.0.0.1:{port}/"), false),
    ] {
        let sent = location.clone();
        let first = Inside::leading_to(move |_| sent.clone()).await?;
        let limits = Limits { ports: vec![first.port, port], ..first.limits() };
        let outbound = Outbound::resolving(limits, System)?;
        let url = format!("http://127.0.0.1:{}/", first.port);
        let before = target.seen();
        match outbound.get(&url).await {
            Ok(answer) => assert!(reached && answer.body == "arrived", "{location}"),
            Err(refused) => assert!(!reached, "{location}: {refused:?}"),
        }
        assert_eq!(target.seen() - before, usize::from(reached), "{location}");
        let posted = outbound.post(&url, HeaderMap::new(), "hook".into()).await?;
        assert_eq!((posted.status.as_u16(), target.seen() - before), (302, usize::from(reached)), "{location}");
    }
    let circle = Inside::leading_to(|port| format!("http://127.0.0.1:{port}/again")).await?;
    let outbound = Outbound::new(circle.limits())?;
    let refused = outbound.get(&format!("http://127.0.0.1:{}/", circle.port)).await.unwrap_err();
    assert_eq!((refused, circle.seen()), (Refused::Redirects, 4));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_bounded_in_size_and_in_time() -> Result<()> {
    let told = Inside::answering(|_| "HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n".to_owned(), true).await?;
    let untold = Inside::answering(|_| "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_owned(), true).await?;
    let exactly = Inside::saying("0123456789").await?;
    let silent = Inside::answering(|_| String::new(), false).await?;
    let limits = |inside: &Inside| Limits { most_bytes: 10, within: Duration::from_millis(700), ..inside.limits() };
    for (inside, expected) in [(&told, Err(Refused::TooLarge)), (&untold, Err(Refused::TooLarge)), (&exactly, Ok(()))] {
        let outbound = Outbound::new(limits(inside))?;
        let answer = outbound.get(&format!("http://127.0.0.1:{}/", inside.port)).await;
        assert_eq!(answer.map(|_| ()), expected);
    }
    // A listener whose queue takes the connection and never reads it.
    let deaf = TcpListener::bind("127.0.0.1:0").await?;
    let port = deaf.local_addr()?.port();
    let outbound = Outbound::new(Limits { ports: vec![port], ..limits(&silent) })?;
    let started = Instant::now();
    let refused = outbound.get(&format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    assert_eq!(refused, Refused::TooLate);
    assert!(started.elapsed() < Duration::from_secs(5));
    Ok(())
}
