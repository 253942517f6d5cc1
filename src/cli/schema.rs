//! `fristvakt schema`

use std::io::Write;

use schemars::generate::SchemaSettings;

use super::{FAILED, Failed};
use crate::fact::Fact;

/// Arguments of `schema`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Schema {
    /// Of facts: what each line of NDJSON is, in files and over HTTP. What its words may be is in the rules' vocabulary.
    #[command(after_help = "Example:\n  fristvakt schema facts > facts.schema.json")]
    Facts,
}

impl Schema {
    pub(super) fn run(self) -> Result<(), Failed> {
        let Self::Facts = self;
        let schema = SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<Fact>();
        let text = serde_json::to_string_pretty(&schema).map_err(|error| Failed::with(FAILED, error))?;
        writeln!(std::io::stdout().lock(), "{text}")?;
        Ok(())
    }
}
