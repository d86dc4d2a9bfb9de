//! Assembles the published OpenAPI document from the rows of the route table; it knows no route by itself.
//! Used once at start; schemas come from the very types that the handlers read and write.

use axum::http::Method;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Adds a type to the document's components and answers a reference to it.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What an operation answers with status 200.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// The envelope around a result of this shape.
    Enveloped(SchemaOf),
    /// JSON of this shape without envelope.
    Bare(SchemaOf),
    /// Plain text.
    Text,
    /// A file.
    File,
    /// As `Enveloped`; with `wait=false` 202 and no result.
    Accepted(SchemaOf),
    /// Nothing: the operation is refused until it is built.
    Refused,
}

/// One row of the document.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// With parameters in braces: `/collections/{collection_name}`.
    pub(crate) path: &'static str,
    pub(crate) id: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) is_deprecated: bool,
    /// An object whose properties are the query parameters.
    pub(crate) params: Option<SchemaOf>,
    pub(crate) body: Option<SchemaOf>,
    /// The field of a multipart body that holds a file.
    pub(crate) file: Option<&'static str>,
    pub(crate) answer: Answer,
}

/// The reference to the schema of `T`.
pub(crate) fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The schema of `T` itself, for query parameters, whose properties are listed one by one.
pub(crate) fn inline_schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

/// Names between braces, in the order of the path.
pub(crate) fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// The whole document.
pub(crate) fn document<'a>(
    title: &str,
    version: &str,
    operations: impl IntoIterator<Item = &'a Operation>,
) -> Value {
    let mut generator = SchemaGenerator::new(SchemaSettings::openapi3());
    let error = generator.subschema_for::<ErrorBody>();
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let entry = describe(operation, &error, &mut generator);
        let methods = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(operation.method.as_str().to_ascii_lowercase(), entry);
        }
    }
    json!({
        "openapi": "3.0.3",
        "info": {"title": title, "version": version, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "api-key": {"type": "apiKey", "in": "header", "name": "api-key"},
                "bearerAuth": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{"api-key": []}, {"bearerAuth": []}, {}],
    })
}

fn describe(operation: &Operation, error: &Schema, generator: &mut SchemaGenerator) -> Value {
    let mut parameters: Vec<Value> = path_parameters(operation.path)
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    if let Some(params) = operation.params {
        parameters.extend(query_parameters(&params(generator)));
    }
    let failure = json!({"description": "error", "content": {"application/json": {"schema": error}}});
    let mut entry = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "parameters": parameters,
        "responses": {"4XX": failure.clone()},
    });
    if operation.is_deprecated {
        set(&mut entry, "deprecated", Value::Bool(true));
    }
    if let Some(body) = operation.body {
        let schema = body(generator);
        let body = json!({"required": true, "content": {"application/json": {"schema": schema}}});
        set(&mut entry, "requestBody", body);
    }
    if let Some(field) = operation.file {
        let file = json!({"type": "string", "format": "binary"});
        let schema = json!({"type": "object", "properties": {field: file}, "required": [field]});
        let body = json!({"required": true, "content": {"multipart/form-data": {"schema": schema}}});
        set(&mut entry, "requestBody", body);
    }
    if let Some(responses) = entry.get_mut("responses") {
        if matches!(operation.answer, Answer::Accepted(_)) {
            set(responses, "202", accepted());
        }
        match success(operation.answer, generator) {
            Some(success) => set(responses, "200", success),
            None => set(responses, "501", failure),
        }
    }
    entry
}

fn success(answer: Answer, generator: &mut SchemaGenerator) -> Option<Value> {
    let content = match answer {
        Answer::Enveloped(result) | Answer::Accepted(result) => {
            let envelope = json!({
                "type": "object",
                "required": ["result", "status", "time"],
                "properties": {
                    "result": result(generator),
                    "status": {"type": "string", "enum": ["ok"]},
                    "time": {"type": "number", "format": "float", "description": "seconds"},
                },
            });
            json!({"application/json": {"schema": envelope}})
        }
        Answer::Bare(shape) => json!({"application/json": {"schema": shape(generator)}}),
        Answer::File => {
            json!({"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}})
        }
        Answer::Text => json!({"text/plain": {"schema": {"type": "string"}}}),
        Answer::Refused => return None,
    };
    Some(json!({"description": "successful operation", "content": content}))
}

/// The answer to who does not wait.
fn accepted() -> Value {
    let envelope = json!({
        "type": "object",
        "required": ["status", "time"],
        "properties": {
            "status": {"type": "string", "enum": ["accepted"]},
            "time": {"type": "number", "format": "float", "description": "seconds"},
        },
    });
    json!({"description": "accepted", "content": {"application/json": {"schema": envelope}}})
}

fn query_parameters(schema: &Schema) -> Vec<Value> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let describe = |(name, schema): (&String, &Value)| json!({"name": name, "in": "query", "required": false, "schema": schema});
    properties.into_iter().flatten().map(describe).collect()
}

fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

/// The body of every refusal.
#[derive(serde::Serialize, JsonSchema)]
#[schemars(rename = "ErrorResponse")]
pub(crate) struct ErrorBody<'a> {
    /// What went wrong.
    pub(crate) status: ErrorStatus<'a>,
    /// Seconds spent.
    pub(crate) time: f64,
}

/// The reason inside a refusal.
#[derive(serde::Serialize, JsonSchema)]
#[schemars(rename = "ErrorStatus")]
pub(crate) struct ErrorStatus<'a> {
    /// A text for people.
    pub(crate) error: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Params {
        timeout: Option<u64>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Thing {
        size: u32,
    }

    #[test]
    fn a_row_becomes_a_path_with_parameters_body_and_envelope() {
        let operation = Operation {
            method: Method::PUT,
            path: "/things/{name}/parts",
            id: "put_part",
            tag: "Things",
            is_deprecated: true,
            params: Some(inline_schema_of::<Params>),
            body: Some(schema_of::<Thing>),
            file: None,
            answer: Answer::Enveloped(schema_of::<bool>),
        };
        let document = document("t", "1", [&operation]);
        let check = |pointer: &str, want: Value| {
            assert_eq!(
                document.pointer(pointer),
                Some(&want),
                "{pointer} in {document:#}"
            );
        };
        let at = |rest: &str| format!("/paths/~1things~1{{name}}~1parts/put{rest}");
        check(&at("/operationId"), json!("put_part"));
        check(&at("/deprecated"), json!(true));
        check(&at("/parameters/0/name"), json!("name"));
        check(&at("/parameters/0/in"), json!("path"));
        check(&at("/parameters/1/name"), json!("timeout"));
        check(&at("/parameters/1/in"), json!("query"));
        check(
            &at("/requestBody/content/application~1json/schema/$ref"),
            json!("#/components/schemas/Thing"),
        );
        check(
            &at("/responses/200/content/application~1json/schema/properties/result/type"),
            json!("boolean"),
        );
        check("/components/schemas/Thing/properties/size/type", json!("integer"));
        check(
            "/components/schemas/ErrorResponse/required",
            json!(["status", "time"]),
        );
    }
}
