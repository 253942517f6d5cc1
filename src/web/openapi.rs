//! What the pages can be asked and what they answer, as an OpenAPI 3.1 document. Each page describes itself beside its
//! handler, by the types that it reads and writes; schemas are derived from those.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value as Json, json};

use super::answer::{PROBLEM, Problem, json_answer};
use super::{Needs, Page, Site};

/// What one page does.
pub(super) struct Operation {
    method: &'static str,
    summary: &'static str,
    description: &'static str,
    parameters: Vec<fn(&mut Schemas) -> Vec<Json>>,
    body: Option<Body>,
    answers: Vec<Answer>,
}

/// What a page reads.
struct Body {
    media: &'static str,
    says: &'static str,
    schema: fn(&mut Schemas) -> Json,
}

/// One of the answers of a page.
pub(super) struct Answer {
    status: u16,
    says: &'static str,
    media: &'static str,
    schema: fn(&mut Schemas) -> Json,
    /// Further kinds of content, each a text or a file.
    texts: Vec<&'static str>,
}

/// The schemas of what is read and of what is written.
pub(super) struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

pub(super) fn describe() -> Operation {
    Operation::get("This document").says("What the pages can be asked and what they answer, as OpenAPI 3.1.").answers([
        Answer {
            status: 200,
            says: "The document.",
            media: JSON,
            schema: |_| json!({ "type": "object" }),
            texts: vec![],
        },
    ])
}

pub(super) async fn page(State(site): State<Arc<Site>>) -> Response {
    json_answer(&*site.document)
}

pub(super) const JSON: &str = "application/json";

impl Operation {
    pub(super) fn get(summary: &'static str) -> Self {
        Self { method: "get", summary, description: "", parameters: vec![], body: None, answers: vec![] }
    }

    pub(super) fn post(summary: &'static str) -> Self {
        Self { method: "post", ..Self::get(summary) }
    }

    pub(super) fn says(self, description: &'static str) -> Self {
        Self { description, ..self }
    }

    /// With the fields of `Q` as what may be asked.
    pub(super) fn query<Q: JsonSchema>(mut self) -> Self {
        self.parameters.push(query_parameters::<Q>);
        self
    }

    /// With a text in the path, which `parameter` describes.
    pub(super) fn path(mut self, parameter: fn(&mut Schemas) -> Vec<Json>) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// With a body of lines, each of which is a `B`.
    pub(super) fn lines<B: JsonSchema>(mut self, media: &'static str, says: &'static str) -> Self {
        let schema = |schemas: &mut Schemas| {
            let line = schemas.read.subschema_for::<B>();
            // A body of lines is no JSON value; what each line is stands in the schemas, and here for readers.
            json!({ "type": "string", "contentMediaType": "application/x-ndjson", "contentSchema": line })
        };
        self.body = Some(Body { media, says, schema });
        self
    }

    /// With a body that is a `B`.
    pub(super) fn json<B: JsonSchema>(mut self, says: &'static str) -> Self {
        let schema = |schemas: &mut Schemas| schemas.read.subschema_for::<B>().to_value();
        self.body = Some(Body { media: JSON, says, schema });
        self
    }

    pub(super) fn answers<const N: usize>(mut self, answers: [Answer; N]) -> Self {
        self.answers.extend(answers);
        self
    }

    fn written(self, needs: Needs, schemas: &mut Schemas) -> Json {
        let mut operation = json!({ "summary": self.summary });
        if !self.description.is_empty() {
            operation["description"] = json!(self.description);
        }
        operation["security"] = match needs {
            Needs::Nothing => json!([]),
            Needs::Token => json!([{ "token": [] }]),
            Needs::Scope(scope) => json!([{ "token": [scope.word()] }]),
        };
        let parameters: Vec<Json> = self.parameters.iter().flat_map(|parameters| parameters(schemas)).collect();
        if !parameters.is_empty() {
            operation["parameters"] = json!(parameters);
        }
        if let Some(Body { media, says, schema }) = self.body {
            let schema = schema(schemas);
            operation["requestBody"] =
                json!({ "description": says, "required": true, "content": { media: { "schema": schema } } });
        }
        let mut answers = self.answers;
        if needs != Needs::Nothing {
            answers.push(Answer::problem(401, "No token, or one that is not known."));
        }
        if matches!(needs, Needs::Scope(_)) && answers.iter().all(|answer| answer.status != 403) {
            answers.push(Answer::problem(403, "The token opens something else."));
        }
        answers.sort_by_key(|answer| answer.status);
        let answers = answers.into_iter().map(|answer| (answer.status.to_string(), answer.written(schemas)));
        operation["responses"] = Json::Object(answers.collect());
        operation
    }
}

impl Answer {
    /// 200, with a `T`.
    pub(super) fn json<T: JsonSchema>(says: &'static str) -> Self {
        let schema = |schemas: &mut Schemas| schemas.written.subschema_for::<T>().to_value();
        Self { status: 200, says, media: JSON, schema, texts: vec![] }
    }

    /// Or as one of these kinds of content.
    pub(super) fn or_texts<const N: usize>(mut self, media: [&'static str; N]) -> Self {
        self.texts.extend(media);
        self
    }

    /// 200, with a text.
    pub(super) fn text(media: &'static str, says: &'static str) -> Self {
        Self { status: 200, says, media, schema: |_| json!({ "type": "string" }), texts: vec![] }
    }

    /// A refusal.
    pub(super) fn problem(status: u16, says: &'static str) -> Self {
        let schema = |schemas: &mut Schemas| schemas.written.subschema_for::<Problem<'_>>().to_value();
        Self { status, says, media: PROBLEM, schema, texts: vec![] }
    }

    fn written(self, schemas: &mut Schemas) -> Json {
        let schema = (self.schema)(schemas);
        let mut answer = json!({ "description": self.says });
        if matches!(self.status, 429 | 503) {
            let says = "When to come again, in seconds; not always there.";
            answer["headers"] = json!({ "Retry-After": { "description": says, "schema": { "type": "integer" } } });
        }
        answer["content"] = json!({ self.media: { "schema": schema } });
        for media in self.texts {
            answer["content"][media] = json!({ "schema": { "type": "string" } });
        }
        answer
    }
}

/// The document of these pages.
pub(super) fn document(pages: &[Page]) -> Json {
    let settings = |settings: &mut SchemaSettings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    };
    let mut schemas = Schemas {
        read: SchemaSettings::draft2020_12().for_deserialize().with(settings).into_generator(),
        written: SchemaSettings::draft2020_12().for_serialize().with(settings).into_generator(),
    };
    let mut paths = Map::new();
    for page in pages {
        let operation = (page.describe)();
        let method = operation.method;
        paths.insert(page.path.to_owned(), json!({ method: operation.written(page.needs, &mut schemas) }));
    }
    let mut components = schemas.read.take_definitions(true);
    components.append(&mut schemas.written.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "fristvakt",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Facts in; cases, obligations and deviations out; deviations explained and withdrawn; reports. Fields may be added to answers, so readers \
                            leave aside what they do not know. Any other page and method is refused too, with a problem.",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer",
                    "description": "A token of `[[http.token]]`; beside each page stands the scope that it needs.",
                },
            },
            "schemas": components,
        },
    })
}

/// A part of the path that is a text.
pub(super) fn path_text(name: &str, says: &str) -> Vec<Json> {
    let schema = json!({ "type": "string", "minLength": 1 });
    vec![json!({ "name": name, "in": "path", "required": true, "description": says, "schema": schema })]
}

/// The fields of a query.
fn query_parameters<Q: JsonSchema>(schemas: &mut Schemas) -> Vec<Json> {
    let schema = Q::json_schema(&mut schemas.read).to_value();
    let required = |name: &str| schema["required"].as_array().is_some_and(|names| names.contains(&json!(name)));
    let parameter = |(name, field): (&String, &Json)| {
        let mut field = without_null(field.clone());
        let says = field.as_object_mut().and_then(|field| field.remove("description"));
        let mut parameter = json!({ "name": name, "in": "query", "required": required(name), "schema": field });
        if let Some(says) = says {
            parameter["description"] = says;
        }
        parameter
    };
    schema["properties"].as_object().into_iter().flatten().map(parameter).collect()
}

/// What may be left out of a query is no `null` in it.
fn without_null(mut field: Json) -> Json {
    if field["type"].as_array().is_some_and(|types| types.len() == 2) {
        field["type"] = field["type"][0].take();
    }
    if let Some([reference, _]) = field["anyOf"].as_array().map(Vec::as_slice) {
        let says = field["description"].clone();
        field = reference.clone();
        field["description"] = says;
    }
    if let Some(field) = field.as_object_mut() {
        field.remove("default");
    }
    field
}
