//! The layers, what is printed, and what production refuses.

use super::*;

fn read(toml: &str) -> Result<Config, config::ConfigError> {
    let builder = config::Config::builder()
        .add_source(config::File::from_str(DEFAULTS, config::FileFormat::Toml))
        .add_source(config::File::from_str(toml, config::FileFormat::Toml));
    builder.build()?.try_deserialize()
}

/// Every secret of the settings, with a value that is found again.
const SECRETS: &str = r#"
[http]
public_url = "https://someone:s3cret-public@socle.example"
[database]
url = "postgres://admin:s3cret-url@db.example/socle"
app_password = "s3cret-app"
ingest_password = "s3cret-ingest"
[sealed]
key = "s3cret-key"
other_keys = "s3cret-other-key"
kms_url = "https://s3cret-user@kms.example"
kms_token = "s3cret-kms-token"
[mail]
transport = "smtp"
smtp_url = "smtp://mailer:s3cret-smtp@mail.example:587"
[sms]
url = "https://someone:s3cret-proxy@sms.example"
account_sid = "s3cret-sid"
auth_token = "s3cret-auth"
[audit]
signing_key = "s3cret-signing-key"
[tracing]
otlp_endpoint = "http://s3cret-token@127.0.0.1:4318"
"#;

#[test]
fn a_role_takes_the_place_of_the_urls_own() {
    let put = |url| with_user(url, "socle_app", "secret");
    assert_eq!(put("postgres://admin:x@db.example/socle").unwrap(), "postgres://socle_app:secret@db.example/socle");
    assert_eq!(put("postgres://db:5432/socle?a=b").unwrap(), "postgres://socle_app:secret@db:5432/socle?a=b");
    assert_eq!(with_user("postgres://h/d", "u", "p@/#").unwrap(), "postgres://u:p%40%2F%23@h/d");
    assert!(put("db/socle").is_err());
}

#[test]
fn the_defaults_are_whole() {
    let config = read("").unwrap();
    assert_eq!(config.readings.lanes, 4);
    assert_eq!(config.jobs.poll_seconds, 1);
    assert_eq!(config.mail.transport, MailTransport::Mailbox);
    assert_eq!(config.public_url(), "http://localhost:8080");
    assert!(config.metrics_on_main());
    config.refuse_unfit().unwrap();
}

#[test]
fn no_secret_is_printed() {
    let config = read(SECRETS).unwrap();
    for printed in [config.printed(), config.printed_json()] {
        assert!(!printed.contains("s3cret"), "{printed}");
        assert!(printed.contains("postgres://admin:***@db.example/socle"), "{printed}");
        assert!(printed.contains("***"), "{printed}");
    }
    assert!(!format!("{:?}", config.database).contains("s3cret"));
    assert!(!format!("{:?}", config.mail).contains("s3cret"));
    assert!(!format!("{:?}", config.sms.auth_token).contains("s3cret"));
    let short = read("[sealed]\nkey = \"k\"").unwrap().printed();
    let line = |printed: &str| printed.lines().find(|line| line.starts_with("key = ")).map(ToOwned::to_owned);
    assert_eq!(line(&short), line(&config.printed()), "the mask shows nothing of a secret's length");
}

#[test]
fn what_is_printed_can_be_read_again() {
    let toml = "environment = \"staging\"\n[http]\nport = 9\n[http.hosts]\n\"physio.example.org\" = \"physiotraq\"\n\
                [tracing]\nsample_ratio = 0.25\n";
    let printed = read(toml).unwrap().printed();
    assert!(printed.starts_with("# The settings in force."), "{printed}");
    assert!(printed.contains("# smtp_url is not set"), "{printed}");
    let again = read(&printed).unwrap();
    assert_eq!(again.printed(), printed);
    assert_eq!(again.environment, Environment::Staging);
    assert_eq!(again.http.hosts.get("physio.example.org").map(String::as_str), Some("physiotraq"));
}

#[test]
fn hosts_can_be_written_in_one_line() {
    let config = read("[http]\nhosts = \"a.example=physiotraq, b.example = huntzen,\"").unwrap();
    let mut hosts: Vec<(String, String)> = config.http.hosts.into_iter().collect();
    hosts.sort();
    let expected = [("a.example", "physiotraq"), ("b.example", "huntzen")];
    assert_eq!(hosts, expected.map(|(host, product)| (host.to_owned(), product.to_owned())));
    assert!(read("[http]\nhosts = \"a.example\"").is_err());
}

#[test]
fn production_refuses_what_is_not_fit_for_it_and_names_it() {
    let reason = read("environment = \"production\"").unwrap().refuse_unfit().unwrap_err();
    for setting in [
        "sealed.key_file",
        "sealed.key_store",
        "http.public_url",
        "mail.transport",
        "privacy.export_folder",
        "privacy.erasure_journal",
        "audit.anchor_store",
        "files.folder",
    ] {
        assert!(reason.contains(setting), "{reason}");
    }
    let fit = "environment = \"production\"\n[http]\npublic_url = \"https://socle.example/\"\n[log]\njson = false\n\
               [sealed]\nkey_file = \"/run/secrets/key\"\nkey_store = \"/var/lib/socle/keys\"\n[mail]\ntransport = \"smtp\"\n\
               smtp_url = \"smtp://mail:25?tls=required\"\n\
               [privacy]\nexport_folder = \"/var/exports\"\nerasure_journal = \"/var/erasures\"\n\
               [audit]\nanchor_store = \"/srv/anchors\"\n[files]\nfolder = \"/srv/files\"\n";
    let bare = read(&fit.replace("?tls=required", "")).unwrap().refuse_unfit().unwrap_err();
    assert!(bare.contains("mail.smtp_url"), "{bare}");
    let config = read(fit).unwrap();
    config.refuse_unfit().unwrap();
    assert_eq!(config.public_url(), "https://socle.example");
    assert_eq!((config.drain(), config.sample_ratio()), (Duration::from_secs(5), 0.1));
    assert!(!config.metrics_on_main(), "never on the public listener in production");
    let texts = format!("{fit}[sms]\nurl = \"http://api.example\"\n");
    assert!(read(&texts).unwrap().refuse_unfit().unwrap_err().contains("sms.url"));
    let plain = read(&fit.replace("https://", "http://")).unwrap().refuse_unfit().unwrap_err();
    assert!(plain.contains("must begin with https://"), "{plain}");
    let bucket = "s3_bucket = \"files\"\ns3_endpoint = \"http://s3.example\"";
    let plain = read(&fit.replace("folder = \"/srv/files\"", bucket)).unwrap().refuse_unfit().unwrap_err();
    assert!(plain.contains("files.s3_endpoint"), "{plain}");
    let environment = config.environment;
    assert!(!environment.allows_demo() && !environment.allows_dev_pages() && !environment.allows_stand_ins());
}

#[test]
fn every_environment_refuses_settings_that_contradict_each_other() {
    let refused = |toml: &str| read(toml).unwrap().refuse_unfit().unwrap_err();
    assert!(refused("[mail]\ntransport = \"smtp\"").contains("mail.smtp_url"));
    assert!(refused("[tracing]\nsample_ratio = 2.0").contains("tracing.sample_ratio"));
    assert!(refused("[tracing]\notlp_endpoint = \"https://collector\"").contains("tracing.otlp_endpoint"));
    assert!(refused("[http]\npublic_url = \"socle.example\"").contains("http.public_url"));
    assert!(refused("[sealed]\nkey = \"a\"\nkey_file = \"b\"").contains("exclude each other"));
    assert!(refused("[sealed]\nkms_url = \"https://kms\"").contains("sealed.kms_token"));
    assert!(refused("[sealed]\nother_keys = \"a\"").contains("sealed.other_keys"));
    assert!(refused("[sms]\ntransport = \"twilio\"\nfrom = \"+33700000000\"").contains("sms.auth_token"));
    assert!(refused("[jobs]\npoll_seconds = 0").contains("jobs.poll_seconds"));
    assert!(refused("[files]\nfolder = \"a\"\ns3_bucket = \"b\"").contains("exclude each other"));
    assert!(refused("[files]\ns3_access_key_id = \"a\"").contains("files.s3_secret_access_key"));
    assert!(refused("[files]\ntrusted_keys = [\"abc\"]").contains("files.trusted_keys"));
    let keys = format!("[files]\ntrusted_keys = \"{}, {}\"", "0a".repeat(32), "0b".repeat(32));
    assert_eq!(read(&keys).unwrap().files.trusted_keys, ["0a".repeat(32), "0b".repeat(32)]);
    let development = read("").unwrap();
    assert_eq!((development.drain(), development.sample_ratio()), (Duration::ZERO, 1.0));
    assert!(development.environment.allows_demo() && development.environment.allows_stand_ins());
}

/// Every field that holds a secret, as the settings declare them: `table.field`.
fn secret_fields() -> Vec<(String, String)> {
    let source = concat!(include_str!("settings.rs"), include_str!("files.rs"));
    let mut table = String::new();
    let mut found = Vec::new();
    for line in source.lines() {
        if let Some(name) = line.strip_prefix("pub struct ").and_then(|rest| rest.strip_suffix(" {")) {
            table = name.to_ascii_lowercase();
        } else if let Some((field, kind)) = line.trim().strip_prefix("pub ").and_then(|rest| rest.split_once(": "))
            && kind.contains("SecretString")
        {
            found.push((table.clone(), field.to_owned()));
        }
    }
    found
}

#[test]
fn every_secret_can_be_given_as_a_file_and_none_is_printed_whichever_way_it_came() {
    let fields = secret_fields();
    assert!(fields.len() >= 5, "the secrets were to be found: {fields:?}");
    let folder = std::env::temp_dir().join(format!("socle-secrets-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (table, field) in fields {
        let secret = format!("postgres://someone:s3cret-{field}@host/db");
        let given = read(&format!("[{table}]\n{field} = \"{secret}\"\n")).unwrap();
        let file = folder.join(format!("{table}-{field}"));
        std::fs::write(&file, format!("{secret}\n")).unwrap();
        let mut from_file = read(&format!("[{table}]\n{field}_file = \"{}\"\n", file.display())).unwrap();
        from_file.read_secret_files().unwrap();
        for (config, way) in [(given, "as a value"), (from_file, "as a file")] {
            for printed in [config.printed(), config.printed_json(), format!("{config:?}")] {
                assert!(!printed.contains("s3cret"), "{table}.{field} {way}: {printed}");
            }
            // The vault opens its own file, later.
            let by_the_vault = way == "as a file" && (&*table, &*field) == ("sealed", "key");
            let printed = config.printed();
            let mut lines = printed.lines().filter(|line| line.starts_with(&format!("{field} = ")));
            assert!(by_the_vault || lines.any(|line| line.contains("***")), "{table}.{field} {way} was not taken");
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_secret_given_twice_or_in_a_file_that_is_not_there_is_refused_by_name() {
    let refused = |toml: &str| read(toml).unwrap().read_secret_files().unwrap_err();
    let missing = refused("[mail]\nsmtp_url_file = \"/nowhere/at/all\"");
    assert!(missing.contains("mail.smtp_url_file /nowhere/at/all"), "{missing}");
    let twice = refused("[database]\napp_password = \"a-secret\"\napp_password_file = \"/dev/null\"");
    assert!(twice.contains("database.app_password_file") && !twice.contains("a-secret"), "{twice}");
    let empty = refused("[database]\nurl_file = \"/dev/null\"");
    assert!(empty.contains("is empty"), "{empty}");
}

#[test]
fn strict_transport_is_asked_for_over_https_and_in_production() {
    let hsts = |toml: &str| read(toml).unwrap().hsts().map(ToOwned::to_owned);
    let usual = Some("max-age=63072000; includeSubDomains; preload".to_owned());
    assert_eq!(hsts(""), None);
    assert_eq!(hsts("[http]\npublic_url = \"http://localhost\""), None);
    assert_eq!(hsts("environment = \"production\""), usual);
    assert_eq!(hsts("[http]\npublic_url = \"https://socle.example\""), usual);
    assert_eq!(hsts("environment = \"production\"\n[http]\nhsts = \"\""), None);
    let broken = read("[http]\nhsts = \"a\\nb\"").unwrap().refuse_unfit().unwrap_err();
    assert!(broken.contains("http.hsts"), "{broken}");
}
