//! A disk that runs full, and a database that cannot be written: nothing counts as sent that was not, whoever looks reads
//! one clear sentence, and when there is room again everything goes on by itself.

use std::sync::Arc;

use fristvakt::daemon::Daemon;
use fristvakt::store::{MessageFilter, NoticeFilter, StoreError};

use super::{FACTS, Installation, config, instant};
use crate::hostile::{Disk, Relay, Sealed, Taken};

const ROUND: &str = "2026-03-11T08:00:00+01:00";
const LATER: &str = "2026-03-11T08:10:00+01:00";

/// The shared facts, and nine more holders with a case each.
fn facts() -> String {
    let mut facts = FACTS.to_owned();
    for number in 0..9 {
        facts.push_str(&format!(
            concat!(
                r#"{{"type":"person","tenant":"k","id":"p{0}","email":"p{0}@k.example","unit":"skole"}}"#,
                "\n",
                r#"{{"type":"case","tenant":"k","id":"C-{0}","ref":"C-{0}","unit":"skole","stafettholder":"p{0}","initiator":"p{0}"}}"#,
                "\n",
                r#"{{"type":"event","tenant":"k","case":"C-{0}","id":"e1","kind":"concern_raised","on":"2026-03-02"}}"#,
                "\n"
            ),
            number
        ));
    }
    facts
}

const PEOPLE: usize = 10;

/// An installation on a small disk, its relay elsewhere.
async fn on(disk: &Disk) -> (Installation, Relay) {
    let relay = Relay::good().await;
    let here = Installation::on(disk.folder(), None, relay.address.port(), "").await;
    here.import(&facts()).await;
    (here, relay)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_runs_it_is_told_by_mail_that_the_disk_is_full_once() {
    let Some(disk) = Disk::of(4096) else { return };
    let relay = Relay::good().await;
    let operator = "[operator]\nmail = [\"drift@it.example\"]\nlanguage = \"en\"\n";
    let here = Installation::on(disk.folder(), None, relay.address.port(), operator).await;
    here.import(&facts()).await;
    disk.fill(0);
    assert!(matches!(try_tick(&here, ROUND).await, Err(StoreError::Full)));
    let _ = here.daemon.tell_operator().await;
    assert!(relay.accepted().is_empty(), "a minute is nobody's business");
    for at in ["2026-03-11T08:06:00+01:00", "2026-03-11T08:07:00+01:00"] {
        assert!(try_tick(&here, at).await.is_err());
        let _ = here.daemon.tell_operator().await;
    }
    let [mail] = &relay.accepted()[..] else { panic!("one mail") };
    assert_eq!(mail.recipient, "drift@it.example");
    let text = mail.text.replace("=\r\n", "").replace("=\n", "");
    assert!(text.contains("The disk is full") && text.contains("11 March 2026 at 08:00"), "{text}");
}

async fn try_tick(here: &Installation, at: &str) -> Result<(), StoreError> {
    here.clock.set(instant(at));
    here.daemon.tick().await.map(drop)
}

/// No notice counts as sent whose mail the relay did not take.
async fn nothing_is_falsely_sent(here: &Installation, relay: &Relay, case: &str) {
    let taken: Vec<String> = relay.accepted().into_iter().map(|mail| mail.message_id).collect();
    let sent = NoticeFilter { state: Some("sent".to_owned()), ..NoticeFilter::default() };
    for notice in here.daemon.store.list_notices(&sent).await.unwrap() {
        let id = notice.message.unwrap();
        assert!(taken.iter().any(|taken| taken.contains(&id)), "{case}: {} counts as sent", notice.reference);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_everything_says_so_and_goes_on_when_there_is_room() {
    // Room for nothing, for the planning, for some of the sending: wherever it runs out.
    for left in [0, 60, 144, 252, 300, 400, 588] {
        let Some(disk) = Disk::of(4096) else { return };
        let (here, relay) = on(&disk).await;
        disk.fill(left);
        let case = format!("{left} KiB left");
        let mut failures = 0;
        for at in [ROUND, "2026-03-11T08:01:00+01:00", "2026-03-11T08:02:00+01:00"] {
            if let Err(error) = try_tick(&here, at).await {
                failures += 1;
                assert_eq!(
                    error.to_string(),
                    "the disk is full: the database cannot be written until there is room",
                    "{case}"
                );
                assert!(error.may_pass(), "{case}");
            }
            nothing_is_falsely_sent(&here, &relay, &case).await;
        }
        assert!(left > 0 || failures == 3, "{case}: {failures} failures");
        // At most one mail of each line was handed over and could not be noted, however often it was tried.
        let before = relay.accepted();
        let repeats = |mails: &[Taken]| {
            let mut ids: Vec<&str> = mails.iter().map(|mail| &*mail.message_id).collect();
            ids.sort_unstable();
            ids.dedup();
            mails.len() - ids.len()
        };
        assert_eq!(repeats(&before), 0, "{case}");
        disk.free();
        try_tick(&here, LATER).await.unwrap();
        let mut recipients = relay.recipients();
        recipients.sort();
        recipients.dedup();
        assert_eq!(recipients.len(), PEOPLE, "{case}");
        let again = repeats(&relay.accepted());
        assert!(again <= 4, "{case}: {again} mails went twice, of four lines");
        let marked = relay.accepted().iter().filter(|mail| mail.text.contains("gjentakelse")).count();
        assert_eq!(marked, again, "{case}: what goes again says so");
        nothing_is_falsely_sent(&here, &relay, &case).await;
        let open = MessageFilter::default();
        let messages = here.daemon.store.list_messages(&open).await.unwrap();
        assert!(messages.iter().all(|message| message.state == "sent"), "{case}: {messages:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_or_a_file_that_cannot_be_written_is_named_and_nothing_is_lost() {
    let Some(disk) = Disk::of(4096) else { return };
    let (here, relay) = on(&disk).await;
    let Installation { folder, daemon, clock, .. } = here;
    Arc::into_inner(daemon).unwrap().store.close().await;
    let settings = config(folder.path(), relay.address.port(), "");
    let problem = async || Daemon::open(&settings, clock.clone()).await.unwrap_err().to_string();
    disk.set_writable(false);
    let folder_problem = problem().await;
    assert!(folder_problem.contains("test.db") && folder_problem.contains("Read-only file system"), "{folder_problem}");
    disk.set_writable(true);
    let sealed = Sealed::new(&folder.path().join("test.db"));
    assert_eq!(problem().await, "the database cannot be written: the file or its folder is read-only");
    drop(sealed);
    let daemon = Arc::new(Daemon::open(&settings, clock.clone()).await.unwrap());
    clock.set(instant(ROUND));
    daemon.tick().await.unwrap();
    assert_eq!(relay.accepted().len(), PEOPLE);
}
