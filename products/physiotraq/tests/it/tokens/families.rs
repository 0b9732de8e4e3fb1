//! Families of refresh tokens: each is used once and followed by one successor, whoever asks how often; when a token
//! and its successor have both been used, two parties hold the family, and it ends.

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinSet;

use super::{Api, OPERATOR, OWNER, Pair, no, scene};
use crate::{answers, behind};

const ENDED: &str =
    "SELECT count(*) FROM socle.sessions WHERE account_id = $1 AND kind = 'api' AND ended_at IS NOT NULL";
const REUSED: &str = "SELECT count(*) FROM socle.audit_log a JOIN socle.sessions s ON s.id = a.resource_id
                      WHERE s.account_id = $1 AND a.action = 'session.refresh_reused' AND a.outcome = 'refused'";

/// A number that looks like chance and is the same in every run.
pub(super) fn chance(seed: u64) -> u64 {
    let mixed = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_tabs_that_refresh_at_once_all_go_on_with_the_same_successor() -> Result<()> {
    let (stage, licence, api) = scene().await?;
    let first = api.sign_in(OPERATOR).await?;
    let mut tabs = JoinSet::new();
    for _ in 0..6 {
        let (api, token) = (api.clone(), first.refresh.clone());
        tabs.spawn(async move { Pair::of(api.refresh(&token).await?).await });
    }
    let mut pairs = Vec::new();
    while let Some(pair) = tabs.join_next().await {
        pairs.push(pair??);
    }
    assert!(pairs.iter().all(|pair| pair.refresh == pairs[0].refresh && pair.refresh != first.refresh), "{pairs:?}");
    for pair in &pairs {
        assert!(api.knows(&pair.access).await?);
    }
    let mut admin = stage.database.admin().await?;
    let tokens = "SELECT count(*) FROM socle.refresh_tokens WHERE account_id = $1";
    assert_eq!(behind::figure(&mut admin, tokens, licence.operator.account.0).await?, 2);
    assert_eq!(behind::figure(&mut admin, REUSED, licence.operator.account.0).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_given_again() -> Result<()> {
    let (stage, _licence, api) = scene().await?;
    let first = api.sign_in(OPERATOR).await?;
    let lost = Pair::of(api.refresh(&first.refresh).await?).await?;
    stage.clock.advance(TimeDelta::days(1));
    let again = Pair::of(api.refresh(&first.refresh).await?).await?;
    assert_eq!(again.refresh, lost.refresh);
    assert!(api.knows(&again.access).await?);
    let next = Pair::of(api.refresh(&again.refresh).await?).await?;
    assert!(next.refresh != again.refresh);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_used_again_after_its_successor_ends_the_session_for_both_and_no_other() -> Result<()> {
    let (stage, licence, api) = scene().await?;
    let mut admin = stage.database.admin().await?;
    let account = licence.operator.account.0;
    let (first, other) = (api.sign_in(OPERATOR).await?, api.sign_in(OPERATOR).await?);
    let second = Pair::of(api.refresh(&first.refresh).await?).await?;
    let third = Pair::of(api.refresh(&second.refresh).await?).await?;
    assert_eq!(behind::figure(&mut admin, ENDED, account).await?, 0);
    assert_eq!(answers::refusal(api.refresh(&first.refresh).await?).await?, no("AUTH_REFRESH_REUSED"));
    // The call has failed; what it found out is kept.
    assert_eq!(behind::figure(&mut admin, ENDED, account).await?, 1);
    assert_eq!(behind::figure(&mut admin, REUSED, account).await?, 1);
    for token in [&first.access, &second.access, &third.access] {
        assert!(!api.knows(token).await?);
    }
    for token in [&second.refresh, &third.refresh] {
        assert_eq!(answers::refusal(api.refresh(token).await?).await?, no("AUTH_REFRESH"));
    }
    assert!(api.knows(&other.access).await?);
    Pair::of(api.refresh(&other.refresh).await?).await?;
    assert_eq!(licence.operator.get("/physiotraq/app").await?.status(), 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_old_token_and_its_successor_at_once_never_two_branches_live() -> Result<()> {
    let (_stage, _licence, api) = scene().await?;
    for _ in 0..5 {
        let first = api.sign_in(OWNER).await?;
        let second = Pair::of(api.refresh(&first.refresh).await?).await?;
        let (old, new) = tokio::join!(api.refresh(&first.refresh), api.refresh(&second.refresh));
        let (old, new) = (old?, new?);
        // The old one came first: its successor again. Or after: reuse, and the family is over.
        if old.status() == 200 {
            assert_eq!(Pair::of(old).await?.refresh, second.refresh);
            assert!(api.knows(&Pair::of(new).await?.access).await?);
        } else {
            assert_eq!(answers::refusal(old).await?, no("AUTH_REFRESH_REUSED"));
            assert!(!api.knows(&second.access).await?);
        }
    }
    Ok(())
}

/// What must come of a refresh.
#[derive(Debug)]
enum Expected {
    /// A token that was never seen.
    New,
    /// This one again.
    Again(String),
    /// 401 with a code.
    Refused(&'static str),
}

/// A family as the rules tell it, without any database.
struct Family {
    /// Every token given so far; all but the last have been used.
    given: Vec<String>,
    access: String,
    access_until: DateTime<Utc>,
    lives: bool,
}

impl Family {
    fn new(pair: Pair, now: DateTime<Utc>) -> Self {
        let access_until = now + TimeDelta::minutes(15);
        Self { given: vec![pair.refresh], access: pair.access, access_until, lives: true }
    }

    fn expects(&mut self, place: usize) -> Expected {
        match self.given.len() - 1 - place {
            0 if self.lives => Expected::New,
            1 if self.lives => Expected::Again(self.given[place + 1].clone()),
            0 | 1 => Expected::Refused("AUTH_REFRESH"),
            _ => {
                self.lives = false;
                Expected::Refused("AUTH_REFRESH_REUSED")
            }
        }
    }

    fn opens(&self, now: DateTime<Utc>) -> bool {
        self.lives && now < self.access_until
    }

    /// Sends the token given in this place, and looks whether the answer is the expected one.
    async fn refresh(&mut self, api: &Api, place: usize, now: DateTime<Utc>) -> Result<()> {
        let expected = self.expects(place);
        let answer = api.refresh(&self.given[place]).await?;
        if let Expected::Refused(code) = expected {
            let refused = answers::refusal(answer).await?;
            ensure!(refused == no(code), "{code} was expected: {refused:?}");
            return Ok(());
        }
        let pair = Pair::of(answer).await?;
        match expected {
            Expected::Again(token) => ensure!(pair.refresh == token, "another successor"),
            _ => {
                ensure!(!self.given.contains(&pair.refresh), "a token was given twice");
                self.given.push(pair.refresh);
            }
        }
        self.access = pair.access;
        self.access_until = now + TimeDelta::minutes(15);
        Ok(())
    }

    /// Signs out; whether that was to work.
    async fn sign_out(&mut self, api: &Api, now: DateTime<Utc>) -> Result<()> {
        let expected = if self.opens(now) { 204 } else { 401 };
        let status = api.sign_out(&self.access).await?.status();
        ensure!(status == expected, "signing out answered {status} and not {expected}");
        self.lives &= expected == 401;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_steps_of_refresh_reuse_and_sign_out_go_as_the_rules_say() -> Result<()> {
    let (stage, _licence, api) = scene().await?;
    let mut family = Family::new(api.sign_in(OPERATOR).await?, stage.clock.now());
    let mut ended = 0;
    for step in 0..200_u64 {
        let (luck, now) = (chance(step), stage.clock.now());
        let newest = family.given.len() - 1;
        // Mostly the newest token, often the one before; seldom an older one, a sign-out, or time that passes.
        let done = match luck % 20 {
            0 => family.sign_out(&api, now).await,
            1 => family.refresh(&api, usize::try_from(chance(luck))? % (newest + 1), now).await,
            2..=4 => {
                stage.clock.advance(TimeDelta::minutes(8));
                Ok(())
            }
            5..=9 => family.refresh(&api, newest.saturating_sub(1), now).await,
            _ => family.refresh(&api, newest, now).await,
        };
        let opens = family.opens(stage.clock.now());
        ensure!(done.is_ok(), "step {step}, {} tokens: {done:?}", family.given.len());
        ensure!(api.knows(&family.access).await? == opens, "step {step}: the access token was to open: {opens}");
        if !family.lives && luck % 3 == 0 {
            ended += 1;
            family = Family::new(api.sign_in(OPERATOR).await?, stage.clock.now());
        }
    }
    assert!(ended > 3, "{ended} families ended: the steps try too little");
    Ok(())
}
