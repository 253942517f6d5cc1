//! Deviations and the audit trail by commands, and the real program ended at every step on the way to a webhook.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::process;
use crate::hostile::Receiver;

/// What a person writes, and what may stand nowhere but in the register and the trail.
const CANARY: &str = "Kanarifugl i 9A";

const POINTS: [&str; 7] =
    ["p1-claimed", "p2-composed", "p3-prepared", "p4-committing", "p6-taken", "p7-journalled", "p8-settled"];

struct Place {
    folder: tempfile::TempDir,
    receiver: Receiver,
}

impl Place {
    async fn new() -> Self {
        let (folder, receiver) = (process::folder(), Receiver::start(vec![], None).await);
        let this = Self { folder, receiver };
        std::fs::write(this.path().join("secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let config = format!(
            "database = \"sqlite://test.db\"\n[log]\nlevel = \"trace\"\n[[webhook]]\nname = \"kvalitet\"\nurl = {:?}\n\
             secret_files = [\"secret\"]\nkinds = [\"deviation\"]\nallow_insecure_loopback = true\n",
            this.receiver.url()
        );
        std::fs::write(this.path().join("fristvakt.toml"), config).unwrap();
        assert_eq!(this.run(&["import", "facts.ndjson"], "").await.status.code(), Some(0));
        this
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What a command gives, ended where `failpoints` says.
    async fn run(&self, arguments: &[&str], failpoints: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fristvakt"));
        command.current_dir(self.path()).env_clear().env("FRISTVAKT_CONFIG", self.path().join("fristvakt.toml"));
        command.env("FAILPOINTS", failpoints).args(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// Exit code, and what was said on stdout and stderr.
    async fn said(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let Output { status, stdout, stderr } = self.run(arguments, "").await;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (status.code(), text(stdout), text(stderr))
    }

    async fn import(&self, lines: &str) {
        std::fs::write(self.path().join("more.ndjson"), lines).unwrap();
        assert_eq!(self.run(&["import", "more.ndjson"], "").await.status.code(), Some(0));
    }

    /// The ids of the deviations, by the reference of their case.
    async fn ids(&self) -> BTreeMap<String, String> {
        let (_, lines, _) = self.said(&["deviations", "list", "--format", "json"]).await;
        let field = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        let rows = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.map(|row| (field(&row, "ref"), field(&row, "id"))).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_the_process_ends_each_thing_is_told_and_what_may_repeat_is_marked() {
    let place = Place::new().await;
    let mut minute = 0;
    let mut crashes = 0;
    for facts in
        ["", r#"{"type":"event","tenant":"k","case":"S-1","id":"e2","kind":"decision_made","on":"2026-03-17"}"#]
    {
        if !facts.is_empty() {
            place.import(facts).await;
        }
        for point in POINTS.iter().chain([&""]) {
            // Late enough for what is to be tried again.
            minute += 61;
            let now = format!("2026-03-17T{:02}:{:02}:30+01:00", minute / 60, minute % 60);
            let failpoints = if point.is_empty() { String::new() } else { format!("{point}=1*return") };
            let output = place.run(&["run", "--once", "--now", &now], &failpoints).await;
            crashes += usize::from(output.status.code().is_none());
        }
    }
    assert!(crashes >= 8, "{crashes}");
    let mut tries: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
    for got in place.receiver.requests() {
        let body: Value = serde_json::from_str(&got.body).unwrap();
        let what = format!("{} {}", body["type"].as_str().unwrap(), body["data"]["reference"].as_str().unwrap());
        tries.entry(got.id).or_default().push((what, body["data"]["possible_repeat"] == Value::Bool(true)));
    }
    let mut told: Vec<&str> = tries.values().map(|tries| tries[0].0.as_str()).collect();
    told.sort_unstable();
    assert_eq!(told, ["deviation.closed 7F3K", "deviation.opened 7F3K", "deviation.opened 9QX2"]);
    for (what, is_marked) in tries.values().flat_map(|tries| &tries[1..]) {
        assert!(*is_marked, "{what} was repeated without a mark");
    }
    assert!(tries.values().any(|tries| tries.len() > 1), "a crash between their yes and our journal repeats something");
}

/// A table without what differs from run to run: ids, the moment of now, and how many days late that is.
fn shown(text: &str, ids: &BTreeMap<String, String>) -> String {
    let today = fristvakt::clock::Clock::System.now().with_timezone(&chrono_tz::Europe::Oslo);
    let text =
        ids.iter().fold(text.to_owned(), |text, (reference, id)| text.replace(id, &format!("ID-OF-{reference}-")));
    let lines = text.lines().map(|line| {
        let Some((before, after)) = line.split_once(&today.format("%Y-%m-%d ").to_string()) else {
            // How wide a column is depends on how late it is today.
            let is_header = line.starts_with("WHEN");
            let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
            return if is_header { words } else { line.trim_end().to_owned() };
        };
        let words: Vec<&str> = after.split_whitespace().skip(1).collect();
        let is_late = |place: usize| words.get(place + 1) == Some(&"d");
        let words = words.iter().enumerate().map(|(place, word)| if is_late(place) { "N" } else { word });
        format!("{before}NOW  {}", words.collect::<Vec<_>>().join(" "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn people_explain_withdraw_and_reopen_and_see_what_happened() {
    let place = Place::new().await;
    assert_eq!(place.said(&["run", "--once", "--now", "2026-03-17T08:00:00+01:00"]).await.0, Some(0));
    let ids = place.ids().await;
    let (first, second) = (&ids["7F3K"], &ids["9QX2"]);
    let (code, out, _) = place
        .said(&[
            "deviations",
            "explain-away",
            &first.to_uppercase(),
            "--cause",
            "absence",
            "--reason",
            CANARY,
            "--action",
            "vikar",
            "--action-due",
            "2026-05-01",
            "--by",
            "kari",
        ])
        .await;
    assert_eq!((code, out), (Some(0), format!("deviation {first} is explained: absence (by kari: {CANARY})\n")));
    let withdraw = ["deviations", "withdraw", second, "--reason", "ført dobbelt", "--by", "kari"];
    assert_eq!(place.said(&withdraw).await.1, format!("deviation {second} is withdrawn (by kari: ført dobbelt)\n"));
    let reopen = ["deviations", "reopen", second, "--reason", "stemte likevel", "--by", "ola"];
    let reopened = format!("deviation {second} stands as the facts say again (by ola: stemte likevel)\n");
    assert_eq!(place.said(&reopen).await.1, reopened);
    let refused: [(&[&str], i32, &str); 8] = [
        (&reopen, 1, "nobody has explained or withdrawn it, so there is nothing to take back"),
        (&["deviations", "show", "0000000000zz"], 1, "there is no deviation 0000000000zz; `fristvakt deviations list`"),
        (
            &["deviations", "explain-away", first, "--cause", "absense", "--reason", "x", "--by", "k"],
            2,
            "--cause `absense` is no cause",
        ),
        (
            &["deviations", "explain-away", first, "--cause", "absence", "--reason", "x"],
            2,
            "say who decides this with --by NAME",
        ),
        (
            &["deviations", "explain-away", first, "--cause", "absence", "--reason", "ring 91234567", "--by", "k"],
            2,
            "--reason holds a telephone number",
        ),
        (
            &[
                "deviations",
                "explain-away",
                first,
                "--cause",
                "absence",
                "--reason",
                "x",
                "--action",
                "a@b.no",
                "--by",
                "k",
            ],
            2,
            "--action holds an e-mail address",
        ),
        (&["deviations", "withdraw", first, "--reason", " ", "--by", "k"], 2, "--reason says nothing"),
        (
            &["deviations", "explain-away", first, "--cause", "absence", "--reason", "x", "--action-due", "2026-05-01"],
            2,
            "--action <TEXT>",
        ),
    ];
    for (arguments, expected, says) in refused {
        let (code, out, err) = place.said(arguments).await;
        assert_eq!((code, out.as_str()), (Some(expected), ""), "{arguments:?}: {err}");
        assert!(err.contains(says) && !err.contains("91234567"), "{arguments:?}: {err}");
    }
    let now = shown(&place.said(&["deviations", "show", first]).await.1, &ids);
    insta::assert_snapshot!("show-explained", now.lines().skip(2).collect::<Vec<_>>().join("\n"));
    let now = shown(&place.said(&["deviations", "show", second]).await.1, &ids);
    insta::assert_snapshot!("show-reopened", now.lines().skip(2).collect::<Vec<_>>().join("\n"));
    let listed: Value =
        serde_json::from_str(&place.said(&["deviations", "show", first, "--format", "json"]).await.1).unwrap();
    assert_eq!(listed["deviation"]["cause"], CANARY);
    assert_eq!(
        (listed["events"].as_array().unwrap().len(), listed["decisions"][0]["action"].as_str()),
        (2, Some("deviation.explain"))
    );
    insta::assert_snapshot!("causes", place.said(&["deviations", "causes"]).await.1);
    insta::assert_snapshot!("audit", shown(&place.said(&["audit", "list"]).await.1, &ids));
    // What leaves, and what is logged, knows nothing of the words.
    let (code, out, log) = place.said(&["run", "--once", "--now", "2026-03-17T09:00:00+01:00"]).await;
    assert_eq!(code, Some(0));
    let bodies: String = place.receiver.requests().into_iter().map(|got| got.body).collect();
    assert!(
        bodies.contains("\"explained\"") && bodies.contains("deviation.reopened") && log.contains("DEBUG"),
        "{bodies}"
    );
    for word in ["Kanarifugl", "ført dobbelt", "kari"] {
        assert!(![&bodies, &out, &log].iter().any(|text| text.contains(word)), "`{word}` left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_verified_by_a_command_and_by_the_doctor() {
    let place = Place::new().await;
    place.said(&["run", "--once", "--now", "2026-03-17T08:00:00+01:00"]).await;
    let ids = place.ids().await;
    for id in ids.values() {
        place.said(&["deviations", "withdraw", id, "--reason", "ført dobbelt", "--by", "kari"]).await;
    }
    let (code, out, err) = place.said(&["audit", "verify"]).await;
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let kept =
        out.lines().find_map(|line| line.split_whitespace().find(|word| word.starts_with("k:2:"))).unwrap().to_owned();
    assert_eq!(kept.len(), "k:2:".len() + 64, "{out}");
    assert_eq!(place.said(&["audit", "verify", "--kept", &kept]).await.0, Some(0));
    let json: Value =
        serde_json::from_str(place.said(&["audit", "verify", "--tenant", "k", "--format", "json"]).await.1.trim())
            .unwrap();
    assert_eq!(format!("k:2:{}", json["hash"].as_str().unwrap()), kept);
    let (code, _, err) = place.said(&["audit", "verify", "--kept", "k:2:abc"]).await;
    assert!(code == Some(2) && err.contains("MUNICIPALITY:NUMBER:HASH"), "{err}");
    let doctor = place.said(&["doctor"]).await.1;
    assert!(doctor.contains("2 entries fit together"), "{doctor}");
    let pool =
        sqlx::SqlitePool::connect(&format!("sqlite://{}", place.path().join("test.db").display())).await.unwrap();
    sqlx::query("UPDATE audit SET reason = 'noe annet' WHERE number = 1").execute(&pool).await.unwrap();
    pool.close().await;
    let (code, _, err) = place.said(&["audit", "verify"]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("the audit trail of k does not fit from entry 1 (") && !err.contains("noe annet"), "{err}");
    let (code, out, _) = place.said(&["doctor"]).await;
    assert!(code == Some(1) && out.contains("the audit trail of k does not fit from entry 1 ("), "{out}");
    let (_, json, _) = place.said(&["audit", "list", "--tenant", "k", "--limit", "1", "--format", "json"]).await;
    let row: Value = serde_json::from_str(json.trim()).unwrap();
    assert_eq!((row["number"].as_i64(), row["actor"].as_str()), (Some(2), Some("kari")));
}
