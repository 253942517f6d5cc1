//! Where the cases of a run come from: a file of facts, or the database.

use std::io::Write;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use super::cores::on_all_cores;
use super::{Kept, Pass, Simulate};
use crate::calendar::Instant;
use crate::case::CaseFile;
use crate::cli::facts::load_world;
use crate::cli::{CONFIGURATION, Failed};
use crate::clock::Clock;
use crate::engine::Municipality;
use crate::organisation::Organisation;
use crate::rules::RuleSet;
use crate::simulate::{Stretch, lines, run_case};
use crate::store::{Quarantined, Store, StoreError, StoredDocument, StoredOrganisation};

/// How many cases are read from the database at a time.
const BATCH: u32 = 500;
/// How many cases of a file are run before what comes of them is kept: enough to be worth the threads.
const BLOCK: usize = 4_096;

/// One municipality under the rules of one pass.
struct Town<'p> {
    municipality: Municipality<'p>,
    stretch: Stretch,
    first_recorded_at: Option<Instant>,
}

impl Simulate {
    /// Runs every case of a file, once with each pass' rules.
    pub(super) fn over_facts(&self, path: &Path, passes: &mut [Pass]) -> Result<(), Failed> {
        for (number, pass) in passes.iter_mut().enumerate() {
            let Pass { rules, kept } = pass;
            let world = load_world(path, rules, ["nothing was simulated", "nothing was compared"][number.min(1)])?;
            let bar = progress_bar(world.municipalities.iter().map(|facts| facts.cases.len()).sum());
            for facts in &world.municipalities {
                let town = self.town(rules, &facts.organisation, facts.first_recorded_at)?;
                for block in facts.cases.chunks(BLOCK) {
                    town.run(block, kept);
                    bar.inc(block.len() as u64);
                }
            }
            bar.finish_and_clear();
        }
        Ok(())
    }

    /// Runs every case of the database, with each pass' rules on the same text of it. What does not parse is left out
    /// and named on stderr, as the daemon sets it aside.
    pub(super) async fn over_store(&self, store: &Store, passes: &mut [Pass]) -> Result<(), Failed> {
        let now = Clock::System.now();
        let mut organisations: Vec<Vec<StoredOrganisation>> = vec![];
        for pass in &*passes {
            let (found, unusable) = store.read_organisations(&pass.rules, now).await?;
            left_out(&unusable)?;
            organisations.push(found);
        }
        let mut tenants: Vec<&str> = organisations.iter().flatten().map(|one| &*one.organisation.tenant.id).collect();
        tenants.sort_unstable();
        tenants.dedup();
        let bar = progress_bar(case_count(store, &tenants).await?);
        for tenant in tenants {
            let mut after = String::new();
            loop {
                let batch = store.documents(tenant, &after, BATCH).await?;
                let Some(last) = batch.last() else { break };
                after.clone_from(&last.id);
                for (pass, all) in passes.iter_mut().zip(&organisations) {
                    if let Some(stored) = all.iter().find(|one| *one.organisation.tenant.id == *tenant) {
                        self.over_batch(pass, stored, &batch, now)?;
                    }
                }
                bar.inc(batch.len() as u64);
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn over_batch(
        &self,
        pass: &mut Pass,
        stored: &StoredOrganisation,
        batch: &[StoredDocument],
        now: Instant,
    ) -> Result<(), Failed> {
        let Pass { rules, kept } = pass;
        let tenant = &stored.organisation.tenant;
        let town = self.town(rules, &stored.organisation, stored.first_recorded_at)?;
        let mut cases = Vec::with_capacity(batch.len());
        for document in batch {
            match document.case(tenant, rules) {
                Ok(case) => cases.push(case),
                Err(reason) => {
                    left_out(&[Quarantined::new(&tenant.id, format!("case {}", document.id), reason, now)])?;
                }
            }
        }
        town.run(&cases, kept);
        Ok(())
    }

    /// A municipality without its silences: a run starts with nothing sent and nothing asked.
    fn town<'p>(
        &self,
        rules: &'p RuleSet,
        organisation: &'p Organisation,
        first_recorded_at: Option<Instant>,
    ) -> Result<Town<'p>, Failed> {
        let tenant = &organisation.tenant.id;
        let municipality = Municipality::new(rules, organisation)
            .map_err(|text| Failed::with(CONFIGURATION, format!("tenant {tenant}: {text}")))?;
        let stretch = Stretch::of_days(&municipality, self.from, self.to);
        Ok(Town { municipality, stretch, first_recorded_at })
    }
}

impl Town<'_> {
    /// Runs cases, and keeps what they come to in their order.
    fn run(&self, cases: &[CaseFile], kept: &mut Kept) {
        let (municipality, stretch) = (&self.municipality, self.stretch);
        let run = |case| run_case(municipality, case, self.first_recorded_at, stretch);
        match kept {
            Kept::Lines(all) => {
                let written = on_all_cores(cases, &|case| lines(municipality, case, &run(case), stretch));
                all.extend(written.into_iter().flatten());
            }
            Kept::Summary(summary) => {
                for (case, run) in cases.iter().zip(on_all_cores(cases, &run)) {
                    summary.take(municipality, case, &run, stretch);
                }
            }
        }
    }
}

async fn case_count(store: &Store, tenants: &[&str]) -> Result<usize, StoreError> {
    let mut count = 0;
    for tenant in tenants {
        count += usize::try_from(store.case_count(tenant).await?).unwrap_or(0);
    }
    Ok(count)
}

fn left_out(records: &[Quarantined]) -> std::io::Result<()> {
    let mut err = std::io::stderr().lock();
    for one in records {
        writeln!(err, "warning: {} {} is left out: {}", one.tenant, one.record, one.reason)?;
    }
    Ok(())
}

/// Drawn on stderr where that is a terminal, and only where there is much to do.
fn progress_bar(cases: usize) -> ProgressBar {
    const MANY: usize = 200;
    if cases < MANY {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(u64::try_from(cases).unwrap_or(u64::MAX));
    match ProgressStyle::with_template("{wide_bar} {pos}/{len} cases, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
