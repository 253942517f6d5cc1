//! `GET /v1/cases/{id}`: a case explained, as `explain --format json` does it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{note_looks, query};
use crate::case::shown;
use crate::daemon::Daemon;
use crate::explanation::{Line, ObligationText};
use crate::language::Language;
use crate::store::{At, StoreError};
use crate::web::Site;
use crate::web::access::Caller;
use crate::web::answer::{Refusal, json_answer};
use crate::web::openapi::{Answer, Operation, path_text};

/// How many obligations an answer holds.
const MOST_OBLIGATIONS: usize = 500;

/// What may be asked.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Asking {
    /// The municipality's id, where several that the token opens have such a case.
    tenant: Option<String>,
    /// The language of the sentences; the municipality's unless said.
    language: Option<Language>,
}

/// A case, explained.
#[derive(Debug, Serialize, JsonSchema)]
struct ExplainedCase {
    /// The municipality's id.
    tenant: String,
    /// The case's id.
    case: String,
    /// What messages call it.
    #[serde(rename = "ref")]
    reference: String,
    /// The instant as of which this is so.
    as_of: At,
    /// Its obligations.
    obligations: Vec<ObligationText>,
    /// How many obligations are not among them: an answer holds 500.
    left_out: usize,
    /// What a person should mend.
    problems: Vec<Line>,
}

const UNREADABLE: Refusal = Refusal::new(
    StatusCode::INTERNAL_SERVER_ERROR,
    "case_unreadable",
    "the case's facts cannot be used",
    "`fristvakt quarantine list` on the machine says why; bring corrected facts",
);

pub(in crate::web) fn describe() -> Operation {
    let id = |_: &mut _| path_text("id", "The case's id or its reference.");
    Operation::get("A case, explained")
        .says(
            "Every obligation with its proof line by line, what was told to whom, what comes next, and why something was \
             not sent. People appear by their ids alone.",
        )
        .path(id)
        .query::<Asking>()
        .answers([
            Answer::json::<ExplainedCase>("The explanation."),
            Answer::problem(400, "The query is not understood, or several municipalities have such a case."),
            Answer::problem(403, "The token opens something else, or other municipalities."),
            Answer::problem(404, "There is no such case among what the token opens."),
            Answer::problem(500, "The case's facts cannot be used."),
            Answer::problem(503, "The database does not answer."),
        ])
}

pub(in crate::web) async fn page(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let asking = query::<Asking>(&uri)?;
    // What is no text after decoding is no id.
    let Ok(Path(id)) = path else { return Err(unknown("")) };
    let tenants = caller.asked(asking.tenant.as_deref())?;
    let explained = site.read(move |daemon| async move {
        let explained = match explain(&daemon, &id, tenants.as_deref(), asking.language).await {
            Err(StoreError::Unreadable { .. }) => return Ok(Err(UNREADABLE)),
            other => other?,
        };
        if let Ok(case) = &explained {
            note_looks(&daemon, &caller, "read", [(&*case.tenant, &*case.case)].into()).await?;
        }
        Ok(explained)
    });
    Ok(json_answer(&explained.await??))
}

async fn explain(
    daemon: &Daemon,
    id: &str,
    tenants: Option<&[String]>,
    language: Option<Language>,
) -> Result<Result<ExplainedCase, Refusal>, StoreError> {
    let (rules, now) = (daemon.rules(), daemon.clock.now());
    let (all, _) = daemon.municipalities(&rules, now).await?;
    let is_asked = |tenant: &str| tenants.is_none_or(|asked| asked.iter().any(|one| one == tenant));
    let mut found = None;
    for of in all.iter().filter(|of| is_asked(&of.organisation.tenant.id)) {
        let Some(case) = daemon.store.case(of, &rules.set, id).await? else { continue };
        if found.is_some() {
            let text = format!("several municipalities have a case {}; say which with `tenant`", shown(id));
            return Ok(Err(Refusal::query(text)));
        }
        found = Some((of, case));
    }
    let Some((of, case)) = found else { return Ok(Err(unknown(id))) };
    let explanation = daemon.store.explain(of, &rules.set, &case, language, now).await?;
    let obligations = explanation.obligations();
    Ok(Ok(ExplainedCase {
        tenant: case.file.tenant.to_string(),
        case: case.file.id.to_string(),
        reference: explanation.reference().to_owned(),
        as_of: now.into(),
        obligations: obligations.iter().take(MOST_OBLIGATIONS).cloned().collect(),
        left_out: obligations.len().saturating_sub(MOST_OBLIGATIONS),
        problems: explanation.problems().to_vec(),
    }))
}

fn unknown(id: &str) -> Refusal {
    let help = "GET /v1/obligations shows the cases there are; a new one has to be brought first";
    let refusal = Refusal::new(StatusCode::NOT_FOUND, "case_unknown", "", help);
    refusal.detail(format!("there is no case {} by id or reference", shown(id)))
}
