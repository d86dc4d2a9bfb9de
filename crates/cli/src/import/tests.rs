//! Imports into a folder, interrupted and repeated.

use super::*;
use std::path::Path;

/// Three points of two dimensions, as files in `folder`.
fn source(folder: &Path, lines: &str, rows: &[[u8; 2]]) -> Source {
    let mut npy = b"\x93NUMPY\x01\x00".to_vec();
    let header = format!(
        "{{'descr': '|u1', 'fortran_order': False, 'shape': ({}, 2), }}\n",
        rows.len()
    );
    npy.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    npy.extend(header.as_bytes());
    npy.extend(rows.concat());
    std::fs::write(folder.join("v.npy"), npy).unwrap();
    std::fs::write(folder.join("lines.jsonl"), lines).unwrap();
    Source {
        file: folder.join("lines.jsonl"),
        collection: "c".to_owned(),
        vectors: vec![NamedFile::unnamed(folder.join("v.npy"))],
        id_field: Some("id".to_owned()),
        distance: DistanceArg::Dot,
        datatype: DatatypeArg::Float32,
        batch: 2,
        overwrite: false,
    }
}

fn target(folder: &Path) -> Target {
    Target::Folder(Box::new(kindred::Database::open(folder.join("storage")).unwrap()))
}

fn titles(target: &Target) -> String {
    let body = json!({ "query": [1.0, 0.0], "with_payload": true, "limit": 10 });
    let answer = target.query("c", &body).unwrap();
    let points = answer.get("points").and_then(Value::as_array).unwrap();
    let parts = points.iter().map(|p| {
        format!(
            "{}:{}:{}",
            p["id"],
            p["score"],
            p["payload"]["t"].as_str().unwrap()
        )
    });
    parts.collect::<Vec<_>>().join(" ")
}

const LINES: &str = "{\"id\": 1, \"t\": \"a\"}\n{\"id\": 2, \"t\": \"b\"}\n{\"id\": 3, \"t\": \"c\"}\n";
const ROWS: [[u8; 2]; 3] = [[1, 0], [2, 0], [3, 0]];

fn import(target: &Target, source: &Source) -> Result<Report> {
    load(target, source, &ProgressBar::hidden())
}

#[test]
fn a_repeated_import_passes_over_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    let all = source(folder.path(), LINES, &ROWS);
    assert_eq!(import(&target, &all).unwrap(), Report { written: 3, held: 0 });
    assert_eq!(titles(&target), "3:3.0:c 2:2.0:b 1:1.0:a");

    let changed = source(folder.path(), &LINES.replace("\"a\"", "\"z\""), &ROWS);
    assert_eq!(import(&target, &changed).unwrap(), Report { written: 0, held: 3 });
    assert_eq!(titles(&target), "3:3.0:c 2:2.0:b 1:1.0:a");
    let overwriting = Source {
        overwrite: true,
        ..changed
    };
    assert_eq!(
        import(&target, &overwriting).unwrap(),
        Report { written: 3, held: 0 }
    );
    assert_eq!(titles(&target), "3:3.0:c 2:2.0:b 1:1.0:z");
}

#[test]
fn an_interrupted_import_continues() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    let broken = source(folder.path(), &LINES.replace("{\"id\": 3", "{\"id\": -3"), &ROWS);
    let error = format!("{:#}", import(&target, &broken).unwrap_err());
    assert!(error.contains("line 3") && error.contains("not an id"), "{error}");
    let whole = source(folder.path(), LINES, &ROWS);
    assert_eq!(import(&target, &whole).unwrap(), Report { written: 1, held: 2 });
    assert_eq!(titles(&target), "3:3.0:c 2:2.0:b 1:1.0:a");
}

#[test]
fn files_that_do_not_fit_are_errors() {
    let cases: [(&str, &[[u8; 2]], &str); 4] = [
        (LINES, &[[1, 0], [2, 0]], "fewer rows"),
        (
            LINES,
            &[[1, 0], [2, 0], [3, 0], [4, 0]],
            "3 objects, but there are 4 rows",
        ),
        (
            "{\"id\": 1}\n{\"id\": 1}\n",
            &[[1, 0], [2, 0]],
            "the id 1 was used",
        ),
        ("{\"t\": 1}\n", &[[1, 0]], "no field `id`"),
    ];
    for (lines, rows, part) in cases {
        let folder = tempfile::tempdir().unwrap();
        let error = import(&target(folder.path()), &source(folder.path(), lines, rows)).unwrap_err();
        assert!(format!("{error:#}").contains(part), "{error:#}");
    }
}

#[test]
fn names_of_vectors_are_split_off() {
    for (text, name, path) in [
        ("v.npy", "", "v.npy"),
        ("a=v.npy", "a", "v.npy"),
        ("=a=v.npy", "", "a=v.npy"),
    ] {
        assert_eq!(
            text.parse(),
            Ok(NamedFile {
                name: name.to_owned(),
                path: PathBuf::from(path)
            })
        );
    }
}
