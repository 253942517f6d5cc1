//! `fristvakt drill`: a test through every channel of a municipality, on the way that messages take.

use std::io::{IsTerminal, Write};

use super::finding::{Finding, Report};
use super::webhooks::Wanted;
use super::{email, waiting, webhooks};
use crate::clock::Clock;
use crate::organisation::{Address, Tenant};
use crate::store::Access;

use super::super::store::with_store;
use super::super::{ConfigArgument, FAILED, Failed, Format, USAGE};

/// Arguments of `drill`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A mail marked `[TEST]` goes to the address that you name, which must lie in the municipality's own mail domains; \
                  each webhook that hears of the municipality gets a test event, and each Teams or Slack channel a message marked \
                  `[TEST]`. Also with mode = \"shadow\". Tell the channels' readers first. Nothing of it stands in the database.\n\n\
                  Exit codes: 0 every channel took it · 1 one did not\n\n\
                  Examples:\n  fristvakt drill --to kari@kommune.example\n  \
                  fristvakt drill --tenant sokndal --to kari@sokndal.example --format json"
)]
pub(in super::super) struct Drill {
    /// The municipality, where there are several.
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Who gets the mail.
    #[arg(long, value_name = "ADDRESS")]
    to: String,
    /// How to print what came of it; json: one finding a line.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Drill {
    pub(in super::super) fn run(self) -> Result<(), Failed> {
        let json = self.format == Format::Json;
        let mut report = Report::new(json, std::io::stdout().is_terminal() && !crate::config::no_color());
        let (to, now) = (Address::new(&self.to), Clock::System.now());
        with_store(&self.config, Access::Read, async |store, config| {
            let tenant = self.tenant(store.tenants().await?)?;
            if !to.is_within(&tenant.mail_domains) {
                let text = format!(
                    "the address does not lie in the `mail_domains` of {}: tests go where real mail may go, and nowhere else",
                    tenant.id
                );
                return Err(Failed::with(USAGE, text));
            }
            let mail = waiting("talking to the relay", email::check(config, Some(store), Some(&to), now)).await;
            report.group("Mail", &mail.findings)?;
            let called = waiting("calling webhooks", webhooks::check(config, Wanted::Tenant(&tenant.id), now)).await;
            let none = [Finding::ok("webhooks", "none hears of this municipality")];
            report.group("Webhooks", if called.is_empty() { &none } else { &called })?;
            Ok(())
        })?;
        if !json {
            writeln!(std::io::stdout().lock(), "{}", report.summary())?;
        }
        match report.errors() {
            0 => Ok(()),
            errors => Err(Failed::with(FAILED, format!("{errors} channel(s) did not take the test; each says why"))),
        }
    }

    fn tenant(&self, mut tenants: Vec<Tenant>) -> Result<Tenant, Failed> {
        tenants.retain(|tenant| self.tenant.as_deref().is_none_or(|asked| asked == &*tenant.id));
        if tenants.len() > 1 {
            let ids: Vec<String> = tenants.iter().map(|tenant| tenant.id.to_string()).collect();
            return Err(Failed::with(USAGE, format!("there are {}; say which with --tenant ID", ids.join(", "))));
        }
        tenants.pop().ok_or_else(|| Failed::with(FAILED, "there is no such municipality; import one first"))
    }
}
