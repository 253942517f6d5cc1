//! `fristvakt export`

mod what;

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::store::Looker;
use super::{ConfigArgument, FAILED, Failed, RulesArgument};

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "One JSON object a line, each with a `type`; facts as `import` takes them. Of a case: its facts, each obligation \
                  with its proof, who was told what, when and why, messages and attempts, deviations with what people decided, and \
                  every entry of the audit trail and the access log about it. Of a person (right of access): their records, what \
                  was sent to them, and the cases whose facts name them, by id. Each export is written into the access log first.\n\n\
                  Examples:\n  fristvakt export 7F3K --output 7F3K.ndjson\n  \
                  fristvakt export --person p1 --tenant sokndal --by kari\n  \
                  fristvakt export --all --output everything.ndjson"
)]
pub(super) struct Export {
    #[command(flatten)]
    what: What,
    /// The municipality, where several have such a case or person; with --all, only that one.
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Where to write it, readable by you alone; to stdout unless said.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    looker: Looker,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    config: ConfigArgument,
}

/// What is exported.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// A case, by its id or reference.
    #[arg(value_name = "CASE")]
    case: Option<String>,
    /// A person, by id.
    #[arg(long, value_name = "ID")]
    person: Option<String>,
    /// All facts and everything that was done.
    #[arg(long)]
    all: bool,
}

impl Export {
    pub(super) fn run(self) -> Result<(), Failed> {
        let Some(path) = &self.output else {
            let mut out = BufWriter::new(std::io::stdout().lock());
            self.write(&mut out)?;
            return Ok(out.flush()?);
        };
        let written = self.save(path)?;
        writeln!(std::io::stderr().lock(), "{}: {written} records", path.display())?;
        Ok(())
    }

    /// Into a file that takes its place when it is whole, and that its owner alone can read.
    fn save(&self, path: &Path) -> Result<u64, Failed> {
        let failed = |error: std::io::Error| Failed::with(FAILED, format!("{}: {error}", path.display()));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = BufWriter::new(tempfile::NamedTempFile::new_in(folder).map_err(failed)?);
        let written = self.write(&mut file)?;
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(written)
    }
}

/// One record a line. How many.
fn lines(out: &mut dyn Write, records: &[Json]) -> Result<u64, Failed> {
    for record in records {
        writeln!(out, "{record}")?;
    }
    Ok(u64::try_from(records.len()).unwrap_or(u64::MAX))
}
