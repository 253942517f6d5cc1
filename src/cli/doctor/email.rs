//! Mail: the settings, a real conversation with the relay up to the login, and, if asked for, a test mail.

use uuid::Uuid;

use super::finding::Finding;
use super::way::{self, Target};
use crate::calendar::Instant;
use crate::config::Config;
use crate::delivery::email::{Outgoing, Security, Session, Smtp, compose};
use crate::delivery::message::{TEST_MARK, test_message};
use crate::delivery::{Failure, FailureClass, Trail};
use crate::language::Language;
use crate::organisation::Address;
use crate::store::Store;

/// What was found, and what time the relay gave.
#[derive(Debug, Default)]
pub(super) struct Mail {
    pub(super) findings: Vec<Finding>,
    pub(super) their_clock: Option<Instant>,
}

pub(super) async fn check(config: &Config, store: Option<&Store>, test: Option<&Address>, now: Instant) -> Mail {
    let Some(settings) = &config.email else {
        return Mail { findings: vec![none(test.is_some())], their_clock: None };
    };
    let smtp = match settings.load() {
        // Who may read the password's file is told elsewhere.
        Ok((smtp, _)) => smtp,
        Err(error) => {
            let finding = Finding::error("settings", error.to_string()).means("The daemon does not start with this.");
            return Mail { findings: vec![finding], their_clock: None };
        }
    };
    let (trail, opened) = Session::probe(&smtp).await;
    let mut findings = steps(&smtp, &trail, opened.as_ref().err(), now);
    match (opened, test) {
        (Ok(session), None) => session.quit().await,
        (Ok(session), Some(to)) => findings.push(send(session, &smtp, store, to, now).await),
        (Err(_), Some(_)) => {
            let finding = Finding::error("test mail", "not sent: the relay is not reached");
            findings.push(finding.means("Mend what stands above, and try again."));
        }
        (Err(_), None) => {}
    }
    Mail { findings, their_clock: trail.their_clock }
}

fn none(wanted: bool) -> Finding {
    let finding = if wanted { Finding::error } else { Finding::warning };
    finding("settings", "there is no [email] section")
        .means("Nothing leaves by mail; messages wait.")
        .mend("add an [email] section as in systemd/fristvakt.toml, then: systemctl reload fristvakt")
}

/// The steps that succeeded, and the one that did not.
fn steps(smtp: &Smtp, trail: &Trail, failure: Option<&Failure>, now: Instant) -> Vec<Finding> {
    let (host, port) = smtp.relay();
    let mut findings = vec![];
    let mut next = "name";
    if !trail.resolved.is_empty() {
        next = "connection";
    }
    if let Some(address) = way::connection(trail) {
        findings.push(Finding::ok("connection", format!("{host}:{port} at {address}")));
        next = if smtp.security() == Security::None { "greeting" } else { "encryption" };
    }
    if next == "greeting" {
        findings.push(Finding::ok("encryption", "none, to a relay on this machine"));
    }
    if let Some(encrypted) = &trail.encrypted {
        findings.push(way::encryption("encryption", encrypted, now));
        next = "greeting";
    }
    if trail.greeted {
        findings.push(Finding::ok("greeting", "EHLO is answered"));
        next = "login";
    }
    match (failure, smtp.has_login()) {
        (None, true) => findings.push(Finding::ok("login", "accepted")),
        (None, false) => findings.push(Finding::ok("login", "none is configured")),
        (Some(failure), _) if next == "login" => findings.push(login(failure)),
        (Some(failure), _) => {
            let openssl = if smtp.security() == Security::Starttls { "-starttls smtp -connect" } else { "-connect" };
            findings.push(way::ended(next, failure, trail, Target { host, port, openssl, ca_file: "email.ca_file" }));
        }
    }
    findings
}

fn login(failure: &Failure) -> Finding {
    let finding = Finding::error("login", failure.code.clone());
    match failure.class {
        FailureClass::Temporary => finding
            .means("The relay does not want to decide now.")
            .mend("run it again in some minutes: fristvakt doctor"),
        _ if failure.code == "auth not offered" => finding
            .means("The relay takes no login here, or none that we know (PLAIN, LOGIN).")
            .mend("remove `username` and `password_file`, or use the relay's port for clients (587, 465)"),
        _ => finding.means("The relay does not know this name with this password.").mend(
            "write the password into the file that `email.password_file` names, then: systemctl restart fristvakt",
        ),
    }
}

async fn send(mut session: Session, smtp: &Smtp, store: Option<&Store>, to: &Address, now: Instant) -> Finding {
    let language = match language(store, to).await {
        Ok(language) => language,
        Err(finding) => {
            session.quit().await;
            return *finding;
        }
    };
    let rendered = test_message(language);
    let outgoing = Outgoing {
        id: Uuid::now_v7(),
        to,
        language,
        rendered: &rendered,
        obligation: None,
        calendar: &[],
        files: &[],
        at: now,
    };
    let sent = match compose(smtp, &outgoing) {
        Ok(mail) => match session.prepare(&mail).await {
            Ok(()) => session.transmit(&mail).await,
            Err(failure) => Err(failure),
        },
        Err(failure) => Err(failure),
    };
    session.quit().await;
    match sent {
        Ok(accepted) => {
            Finding::ok("test mail", format!("accepted ({}); its subject begins with {TEST_MARK}", accepted.code))
        }
        Err(failure) => Finding::error("test mail", failure.to_string()).means(match failure.class {
            FailureClass::Address => "The relay does not take this recipient.",
            FailureClass::Temporary => "The relay does not take it now.",
            FailureClass::Channel => "The relay does not take mail from us as we send it.",
            FailureClass::Unknown => "It may have arrived; the relay's answer did not.",
        }),
    }
}

/// The language of the municipality whose domain an address lies in.
async fn language(store: Option<&Store>, to: &Address) -> Result<Language, Box<Finding>> {
    let refused = |found: &str| {
        Finding::error("test mail", format!("not sent: {found}"))
            .means("Tests go where real mail may go too, and nowhere else.")
            .mend("name an address in the `mail_domains` of an imported municipality")
    };
    let Some(store) = store else { return Err(Box::new(refused("the database cannot be asked for municipalities"))) };
    let tenants = store.tenants().await.map_err(|error| Box::new(super::unreadable("test mail", &error)))?;
    let tenant = tenants.iter().find(|tenant| to.is_within(&tenant.mail_domains));
    let outside = "the address lies in no municipality's `mail_domains`";
    tenant.map(|tenant| tenant.language).ok_or_else(|| Box::new(refused(outside)))
}
