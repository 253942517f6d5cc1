//! Settings that cannot be used say which one it is and what to do.

use std::os::unix::fs::PermissionsExt;

use fristvakt::delivery::email::EmailSettings;
use fristvakt::delivery::webhook::WebhookSettings;

/// Why an `[email]` section is refused.
fn email(lines: &str) -> String {
    match toml::from_str::<EmailSettings>(lines) {
        Ok(settings) => settings.load().map(|_| ()).unwrap_err().to_string(),
        Err(error) => error.message().to_owned(),
    }
}

#[test]
fn mail_settings_that_cannot_be_used() {
    let base = "host = \"relay.example\"\nfrom = \"a@b.example\"\n";
    let cases = [
        ("hots = \"x\"", "unknown field `hots`"),
        ("connections = 0", "`email.connections`: choose 1 to 100"),
        ("port = 0", "`email.port`: 0 is no port"),
        ("security = \"none\"", "`email.security`: `none` sends mail that anyone on the way can read"),
        ("security = \"ssl\"", "unknown variant `ssl`"),
        ("username = \"a\"", "`email.password_file`: `username` is set"),
        ("password_file = \"/a\"", "`email.username`: `password_file` is set"),
        ("username = \"a\"\npassword_file = \"/does/not/exist\"", "`email.password_file`: cannot read /does/not/exist"),
        ("reply_to = \"BTI <a@b.example>\"", "`email.reply_to`: give one address alone"),
        ("ca_file = \"/does/not/exist\"", "`email.ca_file`: /does/not/exist"),
        ("ca_file = \"/dev/null\"", "`email.ca_file`: /dev/null: holds no certificate"),
        ("hello_name = \"a b\"", "`email.hello_name`: give this machine's name"),
        ("timeouts = { command = 0 }", "`email.timeouts.command`: choose 1 to 3600 seconds"),
        ("timeouts = { comand = 1 }", "unknown field `comand`"),
    ];
    for (more, expected) in cases {
        let problem = email(&format!("{base}{more}"));
        assert!(problem.starts_with(expected), "{more} gave {problem}");
    }
    let problem = email("host = \"smtp://relay.example\"\nfrom = \"a@b.example\"");
    assert!(problem.starts_with("`email.host`: give the relay's name"), "{problem}");
}

#[test]
fn a_password_that_others_can_read_is_warned_about_and_never_shown() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "hemmelig\n").unwrap();
    let text = format!(
        "host = \"relay.example\"\nfrom = \"a@b.example\"\nusername = \"vakt\"\npassword_file = \"{}\"",
        file.path().display()
    );
    let settings: EmailSettings = toml::from_str(&text).unwrap();
    for (mode, warnings) in [(0o600, 0), (0o640, 1), (0o604, 1)] {
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        let (smtp, found) = settings.load().unwrap();
        assert_eq!(found.len(), warnings, "{mode:o}");
        assert!(found.iter().all(|warning| warning.to_string().contains("chmod 600")));
        assert!(!format!("{smtp:?} {settings:?}").contains("hemmelig"));
    }
    std::fs::write(file.path(), "\nhemmelig").unwrap();
    assert!(settings.load().unwrap_err().to_string().contains("should hold the secret on its first line"));
}

#[test]
fn webhook_settings_that_cannot_be_used() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let short = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(short.path(), "whsec_c2hvcnQ=").unwrap();
    let good = format!("[\"{}\"]", secret.path().display());
    let private = "allow_private = true\nallow_insecure_loopback = true";
    let cases = [
        ("ftp://a.example", &*good, "", "`webhook.a.url`: use `https`"),
        ("http://a.example", &good, "", "`webhook.a.url`: use `https`"),
        ("http://a.example", &good, "allow_insecure_loopback = true", "`webhook.a.url`: use `https`"),
        ("http://127.0.0.1/", &good, "", "`webhook.a.url`: `http` to this machine needs"),
        ("https://127.0.0.1/", &good, "", "`webhook.a.url`: is an address inside a network"),
        ("https://[::1]/", &good, "", "`webhook.a.url`: is an address inside a network"),
        ("https://10.0.0.1/", &good, "", "`webhook.a.url`: is an address inside a network"),
        ("https://2130706433/", &good, "", "`webhook.a.url`: is an address inside a network"),
        ("https://0x7f.1/", &good, "", "`webhook.a.url`: is an address inside a network"),
        ("https://[::ffff:10.0.0.1]/", &good, "", "`webhook.a.url`: is an address inside a network"),
        ("https://0177.0.0.1/", &good, "", "`webhook.a.url`: is an address inside a network"),
        ("https://0x0a000001/", &good, "", "`webhook.a.url`: is an address inside a network"),
        ("https://012.1/", &good, "", "`webhook.a.url`: is an address inside a network"),
        ("https://127.1/", &good, "", "`webhook.a.url`: is an address inside a network"),
        ("https://127.0.0.1./", &good, "", "`webhook.a.url`: is an address inside a network"),
        ("https://%31%30.0.0.1/", &good, "", "`webhook.a.url`: is an address inside a network"),
        ("https://１０.0.0.1/", &good, "", "`webhook.a.url`: is an address inside a network"),
        ("https://[::ffff:7f00:1]/", &good, "", "`webhook.a.url`: is an address inside a network"),
        ("https://[64:ff9b::10.0.0.1]/", &good, "", "`webhook.a.url`: is an address inside a network"),
        ("https://[fd12::1]/", &good, "", "`webhook.a.url`: is an address inside a network"),
        ("https://0/", &good, "", "`webhook.a.url`: is an address at which no receiver can be"),
        ("https://0.0.0.0/", &good, private, "`webhook.a.url`: is an address at which no receiver can be"),
        ("https://169.254.169.254/", &good, private, "`webhook.a.url`: is an address at which no receiver can be"),
        ("https://0xa9fea9fe/", &good, private, "`webhook.a.url`: is an address at which no receiver can be"),
        ("https://[::]/", &good, private, "`webhook.a.url`: is an address at which no receiver can be"),
        ("https://[fe80::1]/", &good, private, "`webhook.a.url`: is an address at which no receiver can be"),
        ("https://[::7f00:1]/", &good, private, "`webhook.a.url`: is an address at which no receiver can be"),
        ("https://[2002:7f00:1::]/", &good, private, "`webhook.a.url`: is an address at which no receiver can be"),
        ("https://[2001::1]/", &good, private, "`webhook.a.url`: is an address at which no receiver can be"),
        ("https://[fe80::1%25eth0]/", &good, private, "`webhook.a.url`: give an address like"),
        ("https://256.256.256.256/", &good, private, "`webhook.a.url`: give an address like"),
        ("https://127.0.0.1.09/", &good, private, "`webhook.a.url`: give an address like"),
        ("http://10.0.0.1/", &good, private, "`webhook.a.url`: use `https`"),
        ("https://a.example", &good, "url_file = \"/a\"", "`webhook.a.url_file`: `url` is set too"),
        ("https://a.example", &good, "kinds = []", "`webhook.a.kinds`: an empty list hears of nothing"),
        ("https://a.example", &good, "roles = []", "`webhook.a.roles`: an empty list hears of nothing"),
        ("https://a.example", &good, "tenants = []", "`webhook.a.tenants`: an empty list hears of nothing"),
        (
            "https://a.example",
            &good,
            "roles = [\"leder\"]",
            "`webhook.a.roles`: `leder` is no role; there are responsible, stafettholder, initiator, leader, \
             next_leader, coordinator, unit and contact:NAME; did you mean `leader`?",
        ),
        ("https://a:b@a.example/", &good, "", "`webhook.a.url`: holds a user or password"),
        ("a.example", &good, "", "`webhook.a.url`: give an address like"),
        ("https://a.example", "[]", "", "`webhook.a.secret_files`: name one file, or two"),
        ("https://a.example", "[\"/does/not/exist\"]", "", "`webhook.a.secret_files`: cannot read"),
        ("https://a.example", &format!("[\"{}\"]", short.path().display()), "", "`webhook.a.secret_files`: "),
        ("https://a.example", &good, "roles = [\"boss\"]", "`webhook.a.roles`: `boss` is no role"),
    ];
    for (url, secret_files, more, expected) in cases {
        let text = format!("name = \"a\"\nurl = \"{url}\"\nsecret_files = {secret_files}\n{more}");
        let problem = toml::from_str::<WebhookSettings>(&text).unwrap().load().map(|_| ()).unwrap_err().to_string();
        assert!(problem.starts_with(expected), "{url} {more} gave {problem}");
        assert!(!problem.contains("c2hvcnQ"), "{problem}");
    }
}

#[test]
fn an_address_may_stand_in_a_file_and_no_error_quotes_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let load = |more: &str| {
        let text = format!("name = \"a\"\nformat = \"teams\"\n{more}");
        toml::from_str::<WebhookSettings>(&text).unwrap().load().map(|_| ()).map_err(|problem| problem.to_string())
    };
    let named = format!("url_file = {:?}", file.path());
    for (text, expected) in [
        ("", "`webhook.a.url_file`: "),
        ("http://a.example/hemmelig", "`webhook.a.url_file`: use `https`"),
        ("hemmelig", "`webhook.a.url_file`: give an address like"),
        ("https://10.0.0.1/hemmelig", "`webhook.a.url_file`: is an address inside a network"),
    ] {
        std::fs::write(file.path(), text).unwrap();
        let problem = load(&named).unwrap_err();
        assert!(problem.starts_with(expected) && !problem.contains("hemmelig"), "{text} gave {problem}");
    }
    std::fs::write(file.path(), "https://a.example/hemmelig\n").unwrap();
    assert_eq!(load(&named), Ok(()));
    let problem = load("").unwrap_err();
    assert!(problem.starts_with("`webhook.a.url`: say where it is"), "{problem}");
    let standard = load(&format!("{named}\n").replace("url_file", "secret_files = []\nurl_file"));
    assert_eq!(standard, Ok(()), "a chat needs no secret");
}

#[test]
fn only_who_names_deviations_hears_of_them() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "https://a.example/").unwrap();
    for (kinds, expected) in [("", false), ("kinds = [\"escalation\"]", false), ("kinds = [\"deviation\"]", true)] {
        let text = format!("name = \"a\"\nformat = \"slack\"\nurl_file = {:?}\n{kinds}", file.path());
        let (webhook, _) = toml::from_str::<WebhookSettings>(&text).unwrap().load().unwrap();
        assert_eq!(webhook.hears_of_deviations(), expected, "{kinds}");
    }
}
