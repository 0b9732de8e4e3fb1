//! Refresh under every interleaving: tabs at once, lost answers, a thief and the owner, retries, sign-outs, time. What
//! comes of each call is foretold by a model of a few lines; never do two branches live.
//!
//! A few cases in an ordinary run, many with `SOCLE_LONG=1`.

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use reqwest::Method;
use testkit::{Stage, start_of_tests, trial};
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::{PASSWORD, Pair, Program, json_of, refusal};

/// How many random stories are told.
pub(super) fn cases(ordinary: u32, long: u32) -> Config {
    let cases = if std::env::var_os("SOCLE_LONG").is_some() { long } else { ordinary };
    // Where a failure is written down would be a file of the checkout.
    Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() }
}

/// What somebody does. A place counts from the newest token back.
#[derive(Clone, Debug)]
enum Move {
    /// So many tabs send the same token at once.
    Refresh { back: usize, tabs: usize },
    /// The answer never arrives: nobody learns the successor.
    Lose { back: usize },
    /// A thief sends an old token while the owner sends the newest.
    Race,
    /// With the newest access token.
    SignOut,
    /// Minutes go by.
    Pass(i64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        8 => (prop_oneof![6 => Just(0_usize), 3 => Just(1), 1 => 2..6_usize], 1..4_usize)
            .prop_map(|(back, tabs)| Move::Refresh { back, tabs }),
        4 => (0..2_usize).prop_map(|back| Move::Lose { back }),
        1 => Just(Move::Race),
        1 => Just(Move::SignOut),
        3 => prop_oneof![4 => 1..20_i64, 1 => Just(7 * 1_440 - 1), 1 => Just(7 * 1_440)].prop_map(Move::Pass),
    ];
    vec(one, 1..24)
}

/// What must come of a call.
#[derive(Clone, Debug, PartialEq)]
enum Answer {
    /// The token that follows the one sent.
    Successor,
    Unknown,
    Reused,
}

/// A family as the rules tell it: tokens are numbered, all but the last have been used.
struct Family {
    newest: usize,
    lives: bool,
    /// Minutes left since the last refresh.
    left: i64,
}

impl Family {
    fn sent(&mut self, token: usize) -> Answer {
        let alive = self.lives && self.left > 0;
        match self.newest - token {
            0 if alive => {
                self.newest += 1;
                self.left = 7 * 1_440;
                Answer::Successor
            }
            1 if alive => Answer::Successor,
            0 | 1 => Answer::Unknown,
            _ => {
                self.lives = false;
                Answer::Reused
            }
        }
    }
}

struct Story<'a> {
    stage: &'a Stage,
    program: Program,
    family: Family,
    session: Uuid,
    /// The tokens by number; what was lost is not known to anybody.
    tokens: Vec<Option<String>>,
    access: String,
}

impl<'a> Story<'a> {
    async fn begin(stage: &'a Stage, number: usize) -> Result<Self> {
        stage.clock.set(start_of_tests());
        let email = format!("refresher{number}@test.fr");
        let account = stage.trial.member(trial::TENANT, (&email, PASSWORD), "PATIENT").await?;
        let program = Program::new(stage);
        let pair = program.sign_in(&email).await?;
        let mut admin = stage.database.admin().await?;
        let session = sqlx::query_scalar("SELECT id FROM socle.sessions WHERE account_id = $1").bind(account.0);
        let session = session.fetch_one(&mut admin).await?;
        let family = Family { newest: 0, lives: true, left: 7 * 1_440 };
        Ok(Self { stage, program, family, session, tokens: vec![Some(pair.refresh)], access: pair.access })
    }

    /// The newest token that somebody holds, or one before it.
    fn held(&self, back: usize) -> Option<(usize, String)> {
        let held = self.tokens.iter().enumerate().filter_map(|(number, token)| Some((number, token.clone()?)));
        held.rev().nth(back)
    }

    async fn hear(&mut self, number: usize, answer: reqwest::Response, expected: &Answer) -> Result<()> {
        if *expected == Answer::Successor {
            let pair = Pair::of(&json_of(answer, 200).await?)?;
            let known = self.tokens.get(number + 1).cloned().flatten();
            ensure!(known.is_none_or(|known| known == pair.refresh), "two successors of token {number}");
            self.keep(number + 1, Some(pair.refresh));
            self.access = pair.access;
            return Ok(());
        }
        let code = if *expected == Answer::Reused { "AUTH_REFRESH_REUSED" } else { "AUTH_REFRESH" };
        let refused = refusal(answer).await?;
        ensure!(refused == (401, code.to_owned()), "token {number}: {refused:?} instead of {code}");
        Ok(())
    }

    fn keep(&mut self, number: usize, token: Option<String>) {
        if self.tokens.len() <= number {
            self.tokens.resize(number + 1, None);
        }
        if token.is_some() {
            self.tokens[number] = token;
        }
    }

    async fn refresh(&mut self, back: usize, tabs: usize) -> Result<()> {
        let Some((number, token)) = self.held(back) else { return Ok(()) };
        let mut expected: Vec<Answer> = (0..tabs).map(|_| self.family.sent(number)).collect();
        let calls = (0..tabs).map(|_| {
            let (program, token) = (self.program.clone(), token.clone());
            tokio::spawn(async move { program.refresh(&token).await })
        });
        let calls: Vec<_> = calls.collect();
        for call in calls {
            let expected = expected.pop().unwrap_or(Answer::Unknown);
            self.hear(number, call.await??, &expected).await?;
        }
        Ok(())
    }

    async fn lose(&mut self, back: usize) -> Result<()> {
        let Some((number, token)) = self.held(back) else { return Ok(()) };
        let expected = self.family.sent(number);
        let status = self.program.refresh(&token).await?.status();
        ensure!((status == 200) == (expected == Answer::Successor), "{status} instead of {expected:?}");
        self.keep(self.family.newest, None);
        Ok(())
    }

    /// Either the old token comes first and gets its successor again, or last and ends the family: both are right, and
    /// what is left is looked at afterwards.
    async fn race(&mut self) -> Result<()> {
        let (Some((newest, new)), Some((older, old))) = (self.held(0), self.held(1)) else { return Ok(()) };
        let alive = self.family.lives && self.family.left > 0;
        if !alive || newest != self.family.newest || older + 1 != newest {
            return Ok(());
        }
        let (late, early) = tokio::join!(self.program.refresh(&old), self.program.refresh(&new));
        let (late, early) = (late?, early?);
        // The newest was unused: it is always followed, unless the family is over before.
        let first = early.status() == 200;
        ensure!(first, "the newest token was refused with {}", early.status());
        self.family.sent(newest);
        self.hear(newest, early, &Answer::Successor).await?;
        if late.status() == 200 {
            let again = Pair::of(&json_of(late, 200).await?)?;
            ensure!(again.refresh == new, "a second branch");
        } else {
            self.family.lives = false;
            self.hear(older, late, &Answer::Reused).await?;
        }
        Ok(())
    }

    async fn sign_out(&mut self) -> Result<()> {
        let opens = self.program.is_in(&self.access).await?;
        let status = self.program.call(Method::POST, "/auth/logout", &self.access).await?.status();
        ensure!(status == if opens { 204 } else { 401 }, "signing out answered {status}");
        self.family.lives &= !opens;
        Ok(())
    }

    async fn step(&mut self, step: &Move) -> Result<()> {
        match step {
            Move::Refresh { back, tabs } => self.refresh(*back, *tabs).await?,
            Move::Lose { back } => self.lose(*back).await?,
            Move::Race => self.race().await?,
            Move::SignOut => self.sign_out().await?,
            Move::Pass(minutes) => {
                self.stage.clock.advance(TimeDelta::minutes(*minutes));
                self.family.left -= minutes;
            }
        }
        self.look().await
    }

    /// What the tables hold: one branch at most, all before it used; ended when the model says so and only then, and that
    /// is committed although the call has failed.
    async fn look(&self) -> Result<()> {
        let mut admin = self.stage.database.admin().await?;
        let statement = "SELECT count(*), count(*) FILTER (WHERE used_at IS NULL),
                                (SELECT ended_at IS NOT NULL FROM socle.sessions WHERE id = $1)
                         FROM socle.refresh_tokens WHERE session_id = $1";
        let row = sqlx::query_as::<_, (i64, i64, bool)>(statement).bind(self.session).fetch_one(&mut admin).await?;
        let expected = (i64::try_from(self.family.newest)? + 1, 1, !self.family.lives);
        ensure!(row == expected, "tokens, unused, ended: {row:?} instead of {expected:?}");
        Ok(())
    }
}

#[test]
fn whatever_the_interleaving_never_two_branches_live() -> Result<()> {
    let runtime = Runtime::new()?;
    let stage = runtime.block_on(Stage::new())?;
    let number = std::cell::Cell::new(0);
    let told = TestRunner::new(cases(8, 150)).run(&moves(), |moves| {
        number.set(number.get() + 1);
        let told = runtime.block_on(async {
            let mut story = Story::begin(&stage, number.get()).await?;
            for (place, step) in moves.iter().enumerate() {
                let done = story.step(step).await;
                ensure!(done.is_ok(), "step {place}, {step:?}: {:?}", done.err());
            }
            Ok(())
        });
        told.map_err(|error: anyhow::Error| TestCaseError::fail(error.to_string()))
    });
    drop(stage);
    told.map_err(|failure| anyhow::anyhow!("{failure}"))
}
