//! Invitations: a mail brings a link, the link works once within seven days and makes an operator of the licence.

mod accepting;
mod team;

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use reqwest::Response;
use socle::mail::Kept;
use socle::tokens;
use socle::web::Product;
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::{Licence, Person, Stage};
use uuid::Uuid;

use crate::answers;

const TEAM: &str = "/physiotraq/admin/team";
const INVITATION: &str = "/physiotraq/invitation";
/// Whom the tests invite, and the password she chooses.
const NADIA: &str = "nadia@test.fr";
const SECRET: &str = "un mot de passe pour Nadia";
/// Everybody else's password on the stage.
const PASSWORD: &str = "une phrase de passe pour les tests";

/// A digest of what an invitation may change; a mail by its id, because it is sent in its own time.
const TRACE: &str = "
    SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
        SELECT 'account' || t::text AS line FROM socle.accounts t
        UNION ALL SELECT 'membership' || t::text FROM socle.memberships t
        UNION ALL SELECT 'profile' || t::text FROM physiotraq.users t
        UNION ALL SELECT 'session' || t::text FROM socle.sessions t
        UNION ALL SELECT 'invitation' || t::text FROM socle.invitations t
        UNION ALL SELECT 'mail' || t.id::text FROM socle.mails t
    ) AS everything";

/// A licence whose owner invites, and a look behind the scenes.
struct Scene {
    stage: Stage,
    licence: Licence,
    admin: PgConnection,
}

impl Scene {
    async fn new() -> Result<Self> {
        let stage = Stage::new().await?;
        let licence = stage.licence().await?;
        let admin = stage.database.admin().await?;
        Ok(Self { stage, licence, admin })
    }

    /// An owner invites an address; the secret of the link in its `nth` mail.
    async fn invited(&self, owner: &Person, email: &str, nth: usize) -> Result<String> {
        let fields = [("email", email), ("first_name", "Nadia"), ("last_name", "Benali")];
        let answer = owner.post(TEAM, &fields).await?;
        ensure!(answer.status() == 303, "the invitation answered {}", answer.status());
        ensure!(Person::location(&answer) == format!("{TEAM}?notice=invited"), "{}", Person::location(&answer));
        Ok(secret_in(&self.mail(email, nth).await?))
    }

    /// The newest mail to an address, once there are `nth` and the job has said so: a clock put forward before that
    /// would look as if its worker had died.
    async fn mail(&self, to: &str, nth: usize) -> Result<Kept> {
        answers::eventually(nth, async || Ok(self.mails(to).len())).await?;
        let mut admin = self.stage.database.admin().await?;
        let open = "SELECT count(*) FROM socle.jobs WHERE kind = 'mail.send' AND state <> 'done'";
        answers::eventually(0, async || Ok(sqlx::query_scalar::<_, i64>(open).fetch_one(&mut admin).await?)).await?;
        Ok(self.mails(to).remove(0))
    }

    fn mails(&self, to: &str) -> Vec<Kept> {
        let all = self.stage.product.app().mail.mailbox().unwrap().all();
        all.into_iter().filter(|kept| kept.to == to).collect()
    }

    /// The page behind a link.
    async fn look(&self, secret: &str) -> Result<Response> {
        self.stage.anybody().get(&format!("{INVITATION}?token={secret}")).await
    }

    /// Somebody accepts as Nadia Benali.
    async fn accept(&self, secret: &str, password: &str) -> Result<Response> {
        self.stage.anybody().post(INVITATION, &acceptance(secret, password)).await
    }

    async fn trace(&mut self) -> Result<String> {
        Ok(sqlx::query_scalar::<_, String>(TRACE).fetch_one(&mut self.admin).await?)
    }

    /// One figure about the whole database.
    async fn count(&mut self, statement: &'static str) -> Result<i64> {
        Ok(sqlx::query_scalar::<_, i64>(statement).fetch_one(&mut self.admin).await?)
    }

    /// The pending invitation.
    async fn pending(&mut self) -> Result<Uuid> {
        let statement = "SELECT id FROM socle.invitations WHERE accepted_at IS NULL AND revoked_at IS NULL";
        Ok(sqlx::query_scalar::<_, Uuid>(statement).fetch_one(&mut self.admin).await?)
    }
}

/// The secret of the link in a mail.
fn secret_in(mail: &Kept) -> String {
    let rest = mail.letter.text.split_once("/physiotraq/invitation?token=").unwrap().1;
    rest.split_whitespace().next().unwrap().to_owned()
}

/// The fields of the page's form.
fn acceptance<'a>(secret: &'a str, password: &'a str) -> [(&'a str, &'a str); 4] {
    [("token", secret), ("first_name", "Nadia"), ("last_name", "Benali"), ("password", password)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mail_is_french_in_text_and_html_and_its_link_says_who_invites_whom_as_what() -> Result<()> {
    let scene = Scene::new().await?;
    let fields = [("email", " Nadia@Test.fr "), ("first_name", "Nadia"), ("last_name", "Benali")];
    assert_eq!(scene.licence.owner.post(TEAM, &fields).await?.status(), 303);
    let mail = scene.mail(NADIA, 1).await?;
    assert_eq!(mail.letter.subject, "Clinique 1 vous invite sur physiotraq");
    let secret = secret_in(&mail);
    let link = format!("{}{INVITATION}?token={secret}", scene.stage.url());
    let said = ["Bonjour Nadia,", "Odile Essai vous invite à rejoindre Clinique 1", "sept jours", link.as_str()];
    for part in [&mail.letter.text, &mail.letter.html] {
        for words in said {
            assert!(part.contains(words), "{words} is missing in {part}");
        }
    }
    assert!(!mail.letter.text.contains('<'), "{}", mail.letter.text);
    let html = &mail.letter.html;
    assert!(html.contains("<html lang=\"fr\">") && html.contains(&format!("href=\"{link}\"")), "{html}");
    let page = answers::text(scene.look(&secret).await?, 200).await?;
    let shown = ["Clinique 1 vous invite", NADIA, "Opérateur", "value=\"Nadia\"", "value=\"Benali\"", "new-password"];
    for words in shown {
        assert!(page.contains(words), "{words} is missing in {page}");
    }
    let team = answers::text(scene.licence.owner.get(TEAM).await?, 200).await?;
    for words in [NADIA, "Nadia Benali", "Une invitation en attente", "Lien valable jusqu’au"] {
        assert!(team.contains(words), "{words} is missing in {team}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_who_reads_english_invites_in_english() -> Result<()> {
    let mut scene = Scene::new().await?;
    assert_eq!(scene.licence.owner.post("/physiotraq/language", &[("lang", "en")]).await?.status(), 303);
    let secret = scene.invited(&scene.licence.owner, NADIA, 1).await?;
    let letter = scene.mail(NADIA, 1).await?.letter;
    assert_eq!(letter.subject, "Clinique 1 invites you to physiotraq");
    for words in ["Hello Nadia,", "Odile Essai invites you to join Clinique 1", "Accept the invitation", "seven days"] {
        assert!(letter.text.contains(words), "{words} is missing in {}", letter.text);
    }
    assert!(letter.html.contains("<html lang=\"en\">"), "{}", letter.html);
    assert_eq!(scene.accept(&secret, SECRET).await?.status(), 303);
    let english = "SELECT count(*) FROM socle.accounts WHERE email = 'nadia@test.fr' AND language = 'en'";
    assert_eq!(scene.count(english).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_works_once() -> Result<()> {
    let mut scene = Scene::new().await?;
    let secret = scene.invited(&scene.licence.owner, NADIA, 1).await?;
    assert_eq!(scene.accept(&secret, SECRET).await?.status(), 303);
    let before = scene.trace().await?;
    assert_eq!(scene.look(&secret).await?.status(), 404);
    for password in [SECRET, "another password"] {
        assert_eq!(scene.accept(&secret, password).await?.status(), 404);
    }
    assert_eq!(scene.trace().await?, before);
    assert!(Person::sign_in(scene.stage.url(), NADIA, "another password").await.is_err());
    let unknown = "A".repeat(43);
    for nothing in ["", "x", "%00", unknown.as_str()] {
        assert_eq!(scene.look(nothing).await?.status(), 404, "{nothing:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_over_after_seven_days_and_can_be_sent_again_then() -> Result<()> {
    let mut scene = Scene::new().await?;
    let secret = scene.invited(&scene.licence.owner, NADIA, 1).await?;
    scene.stage.clock.advance(TimeDelta::days(7) - TimeDelta::seconds(1));
    assert_eq!(scene.look(&secret).await?.status(), 200);
    scene.stage.clock.advance(TimeDelta::seconds(1));
    let before = scene.trace().await?;
    assert_eq!(scene.look(&secret).await?.status(), 404);
    assert_eq!(scene.accept(&secret, SECRET).await?.status(), 404);
    assert_eq!(scene.trace().await?, before);
    let owner = scene.stage.sign_in("owner1@test.fr").await?;
    assert!(answers::text(owner.get(TEAM).await?, 200).await?.contains("Lien expiré le"));
    let again = format!("{TEAM}/invitations/{}/resend", scene.pending().await?);
    assert_eq!(owner.post(&again, &[]).await?.status(), 303);
    let fresh = secret_in(&scene.mail(NADIA, 2).await?);
    assert_eq!(scene.accept(&fresh, SECRET).await?.status(), 303);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_sent_again_replaces_the_one_before_and_a_cancelled_one_is_dead() -> Result<()> {
    let mut scene = Scene::new().await?;
    let first = scene.invited(&scene.licence.owner, NADIA, 1).await?;
    let old = format!("{TEAM}/invitations/{}", scene.pending().await?);
    assert_eq!(scene.licence.owner.post(&format!("{old}/resend"), &[]).await?.status(), 303);
    let second = secret_in(&scene.mail(NADIA, 2).await?);
    // Inviting the same address once more does the same.
    let third = scene.invited(&scene.licence.owner, NADIA, 3).await?;
    for (secret, status) in [(&first, 404), (&second, 404), (&third, 200)] {
        assert_eq!(scene.look(secret).await?.status(), status);
    }
    assert_eq!(scene.accept(&first, SECRET).await?.status(), 404);
    let path = format!("{TEAM}/invitations/{}", scene.pending().await?);
    let answer = scene.licence.owner.post(&format!("{path}/cancel"), &[]).await?;
    assert_eq!(Person::location(&answer), format!("{TEAM}?notice=invitation-cancelled"));
    assert_eq!(scene.look(&third).await?.status(), 404);
    assert_eq!(scene.accept(&third, SECRET).await?.status(), 404);
    for dead in [&old, &path] {
        for verb in ["resend", "cancel"] {
            assert_eq!(scene.licence.owner.post(&format!("{dead}/{verb}"), &[]).await?.status(), 404, "{verb}");
        }
    }
    assert_eq!(scene.count("SELECT count(*) FROM socle.accounts WHERE email = 'nadia@test.fr'").await?, 0);
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The tables in which a text stands anywhere: as it is, or as bytes.
async fn found_in(admin: &mut PgConnection, text: &str) -> Result<Vec<String>> {
    let tables = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c
                  JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE n.nspname IN ('socle', 'physiotraq') AND c.relkind = 'r' ORDER BY 1";
    let tables = sqlx::query_scalar::<_, String>(tables).fetch_all(&mut *admin).await?;
    let mut found = Vec::new();
    for table in tables {
        let statement =
            format!("SELECT count(*) FROM {table} t WHERE strpos(t::text, $1) > 0 OR strpos(t::text, $2) > 0");
        let rows = sqlx::query_scalar::<_, i64>(AssertSqlSafe(statement)).bind(text).bind(hex(text.as_bytes()));
        if rows.fetch_one(&mut *admin).await? > 0 {
            found.push(table);
        }
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secret_of_a_link_stands_nowhere_in_the_database() -> Result<()> {
    let mut scene = Scene::new().await?;
    let secret = scene.invited(&scene.licence.owner, NADIA, 1).await?;
    assert_eq!(found_in(&mut scene.admin, &secret).await?, [""; 0]);
    // The search does find what is there: the address, and the bytes of the secret's hash.
    for there in [NADIA.to_owned(), hex(&tokens::hash(&secret))] {
        assert_eq!(found_in(&mut scene.admin, &there).await?, ["socle.invitations"], "{there}");
    }
    assert_eq!(scene.accept(&secret, SECRET).await?.status(), 303);
    for gone in [secret.as_str(), SECRET] {
        assert_eq!(found_in(&mut scene.admin, gone).await?, [""; 0]);
    }
    Ok(())
}
