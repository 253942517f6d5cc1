//! Ticks with some cases due or changed, against reading their rows and writing as much in one transaction.

use std::fmt::Write as _;
use std::time::Instant;

use fristvakt::daemon::Daemon;
use fristvakt::store::Load;

use crate::phases::Place;
use crate::raw::Raw;
use crate::report::{median, say};
use crate::world::TODAY;

/// How many ids a statement names.
const ROWS: usize = 500;

/// How often each is measured: each time with other cases.
const TIMES: u32 = 5;

/// For as many due as there are cases to spare.
pub(crate) async fn ticks(place: &Place) {
    let daemon = place.daemon().await;
    let mut raw = Raw::open(&place.url).await;
    for count in [100, 1_000, 10_000].into_iter().filter(|count| count * 10 <= place.world.cases) {
        let (mut due, mut due_bare, mut changed, mut changed_bare) = (vec![], vec![], vec![], vec![]);
        for time in 0..TIMES {
            let chosen = Chosen::new(place, count, time);
            due_bare.push(chosen.read_and_write(&mut raw, false).await);
            raw.run(chosen.each("UPDATE agenda SET next_at = 1 WHERE tenant = 'TENANT' AND case_id IN (IDS);")).await;
            due.push(sweep(&daemon, count).await);
            chosen.change(place, &daemon).await;
            changed.push(sweep(&daemon, count).await);
            changed_bare.push(chosen.read_and_write(&mut raw, true).await);
        }
        say(&format!("due.{count}"), median(due));
        say(&format!("due.{count}.bare"), median(due_bare));
        say(&format!("changed.{count}"), median(changed));
        say(&format!("changed.{count}.bare"), median(changed_bare));
    }
}

async fn sweep(daemon: &Daemon, count: u32) -> f64 {
    let begun = Instant::now();
    let swept = daemon.sweep(daemon.clock.now()).await.expect("planned");
    let took = begun.elapsed().as_secs_f64();
    assert_eq!(swept.planned, count as usize, "what is due is planned, and nothing else");
    took
}

/// Cases that lie far apart, by municipality.
struct Chosen(Vec<(String, Vec<u32>)>);

impl Chosen {
    fn new(place: &Place, count: u32, time: u32) -> Self {
        let mut by_tenant = vec![];
        for tenant in 0..place.world.tenants {
            by_tenant.push((place.world.tenant_of(tenant), vec![]));
        }
        let step = place.world.cases / count;
        for number in (0..count).map(|number| number * step + time % step) {
            by_tenant[(number % place.world.tenants) as usize].1.push(number);
        }
        Self(by_tenant)
    }

    /// A statement for each lot of them.
    fn each(&self, statement: &str) -> String {
        let mut all = String::new();
        for (tenant, numbers) in &self.0 {
            for lot in numbers.chunks(ROWS) {
                all.push_str(&statement.replace("TENANT", tenant).replace("IDS", &list(lot)));
            }
        }
        all
    }

    /// One new event for each, through the store.
    async fn change(&self, place: &Place, daemon: &Daemon) {
        let mut lines = String::new();
        // Also where this is measured again in the same database.
        let id = uuid::Uuid::now_v7();
        for (tenant, numbers) in &self.0 {
            for number in numbers {
                let _ = writeln!(
                    lines,
                    r#"{{"type":"event","tenant":"{tenant}","case":"S-{number}","id":"{id}","kind":"concern_raised","on":"{TODAY}","recorded_at":"{TODAY}T11:00:00+02:00"}}"#
                );
            }
        }
        let file = place.folder.join("changes.ndjson");
        std::fs::write(&file, lines).expect("written");
        let rules = daemon.rules();
        let imported = daemon.store.import(&[file], &rules.set, Load::Append, daemon.clock.now(), |_| {}).await;
        imported.unwrap_or_else(|errors| panic!("{errors:?}"));
    }

    /// Reads the rows of these cases, and writes as many as a tick writes, in lots and in one transaction: of the agenda,
    /// and of the deadlines where they changed.
    async fn read_and_write(&self, raw: &mut Raw, with_deadlines: bool) -> f64 {
        let select = "SELECT c.document, c.id, c.version, a.digest FROM agenda a \
                      JOIN cases c ON c.tenant = a.tenant AND c.id = a.case_id \
                      WHERE a.tenant = 'TENANT' AND a.case_id IN (IDS)";
        let agenda = "INSERT INTO agenda (tenant, case_id, generation, next_at, digest) \
                      SELECT tenant, case_id, generation, next_at, digest FROM agenda \
                      WHERE tenant = 'TENANT' AND case_id IN (IDS) \
                      ON CONFLICT (tenant, case_id) DO UPDATE SET generation = excluded.generation, \
                      next_at = excluded.next_at, digest = excluded.digest;";
        let deadlines = "CREATE TEMPORARY TABLE kept AS SELECT * FROM obligations \
                         WHERE tenant = 'TENANT' AND case_id IN (IDS); \
                         DELETE FROM obligations WHERE tenant = 'TENANT' AND case_id IN (IDS); \
                         INSERT INTO obligations SELECT * FROM kept; DROP TABLE kept;";
        let begun = Instant::now();
        for (tenant, numbers) in &self.0 {
            for lot in numbers.chunks(ROWS) {
                raw.scan(&select.replace("TENANT", tenant).replace("IDS", &list(lot))).await;
            }
        }
        let writes = if with_deadlines { self.each(&format!("{agenda} {deadlines}")) } else { self.each(agenda) };
        raw.run(format!("BEGIN; {writes} COMMIT;")).await;
        begun.elapsed().as_secs_f64()
    }
}

fn list(numbers: &[u32]) -> String {
    let ids: Vec<String> = numbers.iter().map(|number| format!("'S-{number}'")).collect();
    ids.join(", ")
}
