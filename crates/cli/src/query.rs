//! `kindred query`: one query in the JSON of the wire, answered as a table.

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Map, Value, json};
use std::io::Read;

use crate::table;
use crate::target::TargetArgs;

pub(crate) const AFTER_HELP: &str = "\
The query is the body of POST /collections/{collection}/points/query, or of …/query/groups when it has `group_by`.
It is read from the argument, from a file (@FILE), or from stdin.

Examples:
  # more like this
  kindred query artworks '{\"query\": 14821, \"limit\": 5}' --show title,artist

  # more like these, less like that, in a running server
  kindred query artworks --url http://127.0.0.1:6333 --show title,artist,year '
    {\"query\": {\"recommend\": {\"positive\": [14821, 14973], \"negative\": [9233], \"strategy\": \"best_score\"}},
     \"filter\": {\"must\": [{\"key\": \"year\", \"range\": {\"lt\": 1900}}]}}'

  kindred query artworks @query.json --json | jq '.points[0].payload'";

/// The options of `query`.
#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// The collection to ask
    #[arg(value_name = "COLLECTION")]
    collection: String,
    /// The query in JSON, or @FILE; stdin when absent
    #[arg(value_name = "QUERY")]
    query: Option<String>,
    /// Payload fields to show as columns
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    show: Vec<String>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: TargetArgs,
}

/// Asks and prints.
pub(crate) fn run(args: QueryArgs) -> Result<()> {
    let text = read_query(args.query.as_deref())?;
    let mut body: Map<String, Value> =
        serde_json::from_str(&text).context("the query is not a JSON object")?;
    if !args.show.is_empty() && !body.contains_key("with_payload") {
        body.insert("with_payload".to_owned(), json!(args.show));
    }
    let answer = args
        .target
        .open()?
        .query(&args.collection, &Value::Object(body))?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    println!("{}", render(&answer, &args.show)?);
    Ok(())
}

fn read_query(argument: Option<&str>) -> Result<String> {
    match argument {
        None | Some("-") => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("cannot read the query from stdin")?;
            Ok(text)
        }
        Some(text) => match text.strip_prefix('@') {
            Some(path) => {
                std::fs::read_to_string(path).with_context(|| format!("cannot read the query from {path}"))
            }
            None => Ok(text.to_owned()),
        },
    }
}

/// The answer as a table; hits of a group follow its name.
fn render(answer: &Value, show: &[String]) -> Result<String> {
    let mut rows = Vec::new();
    let (points, groups) = (answer.get("points"), answer.get("groups"));
    let mut headings = vec!["id".to_owned(), "score".to_owned()];
    if let Some(points) = points.and_then(Value::as_array) {
        rows.extend(points.iter().map(|point| row(point, show)));
    } else if let Some(groups) = groups.and_then(Value::as_array) {
        headings.insert(0, "group".to_owned());
        for group in groups {
            let name = text_of(group.get("id"));
            for hit in group.get("hits").and_then(Value::as_array).into_iter().flatten() {
                let mut cells = row(hit, show);
                cells.insert(0, name.clone());
                rows.push(cells);
            }
        }
    } else {
        bail!("the answer holds neither points nor groups: {answer}");
    }
    let numeric = [headings.len() - 2, headings.len() - 1];
    let has_payload = rows.iter().any(|row| row.len() > headings.len());
    if show.is_empty() && has_payload {
        headings.push("payload".to_owned());
    }
    headings.extend(show.iter().cloned());
    Ok(table::render(&headings, &rows, &numeric))
}

fn row(point: &Value, show: &[String]) -> Vec<String> {
    let score = point
        .get("score")
        .and_then(Value::as_f64)
        .map_or_else(String::new, |score| format!("{score:.4}"));
    let mut cells = vec![text_of(point.get("id")), score];
    if show.is_empty() {
        cells.extend(point.get("payload").map(|payload| text_of(Some(payload))));
    }
    cells.extend(
        show.iter()
            .map(|field| text_of(find(point.get("payload"), field))),
    );
    cells
}

/// The value at a dotted path.
fn find<'a>(payload: Option<&'a Value>, path: &str) -> Option<&'a Value> {
    let payload = payload?;
    payload
        .get(path)
        .or_else(|| path.split('.').try_fold(payload, |value, key| value.get(key)))
}

/// A value as a person reads it: texts without quotes, lists with commas, nothing for nothing.
fn text_of(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| text_of(Some(item)))
            .collect::<Vec<String>>()
            .join(", "),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_))) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: Value, show: &[&str], want: &str) {
        let show: Vec<String> = show.iter().map(|field| (*field).to_owned()).collect();
        assert_eq!(render(&answer, &show).unwrap(), want);
    }

    #[test]
    fn points_and_groups_become_rows() {
        let point = json!({ "id": 7, "score": 0.5, "payload": { "t": "Sea", "a": { "b": [1, "x"] } } });
        check(
            json!({ "points": [point] }),
            &["t", "a.b"],
            "id   score  t    a.b\n──  ──────  ───  ────\n 7  0.5000  Sea  1, x",
        );
        let bare = json!({ "id": 7, "score": 1.0 });
        let full = json!({ "id": 8, "score": 0.0, "payload": { "a": 1 } });
        let table = "id   score  payload\n──  ──────  ───────\n 7  1.0000\n 8  0.0000  {\"a\":1}";
        check(json!({ "points": [bare, full] }), &[], table);
        let group = json!({ "id": "g", "hits": [{ "id": 10, "score": -1.0 }] });
        check(
            json!({ "groups": [group] }),
            &["t"],
            "group  id    score  t\n─────  ──  ───────  ─\ng      10  -1.0000",
        );
        check(json!({ "points": [] }), &[], "id  score\n──  ─────");
        assert!(render(&json!(7), &[]).is_err());
    }

    #[test]
    fn queries_are_read_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("q.json");
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(read_query(Some(&format!("@{}", path.display()))).unwrap(), "{}");
        assert_eq!(read_query(Some("{\"query\":1}")).unwrap(), "{\"query\":1}");
        assert!(read_query(Some("@no-such-file")).is_err());
    }
}
