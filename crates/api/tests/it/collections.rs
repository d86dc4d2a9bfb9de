//! Collections, aliases, indexes and named vectors.

use serde_json::{Value, json};

use crate::door::Door;

#[tokio::test]
async fn a_collection_comes_and_goes() {
    let door = Door::new();
    assert_eq!(
        door.get("/collections").await.result(),
        json!({"collections": []})
    );
    assert_eq!(
        door.get("/collections/a/exists").await.result(),
        json!({"exists": false})
    );
    assert_eq!(
        door.put(
            "/collections/a",
            json!({"vectors": {"size": 4, "distance": "Cosine"}})
        )
        .await,
        true
    );
    assert_eq!(door.put("/collections/b?timeout=5", json!({})).await, true);
    let both = json!({"collections": [{"name": "a"}, {"name": "b"}]});
    assert_eq!(door.get("/collections").await.result(), both);
    assert_eq!(
        door.get("/collections/a/exists").await.result(),
        json!({"exists": true})
    );
    let info = door.get("/collections/a").await.result();
    assert_eq!(info["status"], "green");
    assert_eq!(info["optimizer_status"], "ok");
    assert_eq!(info["points_count"], 0);
    assert_eq!(
        info["config"]["params"]["vectors"],
        json!({"size": 4, "distance": "Cosine"})
    );
    assert_eq!(info["config"]["hnsw_config"]["m"], 16);
    assert_eq!(info["payload_schema"], json!({}));
    let patch = json!({"hnsw_config": {"m": 32}, "metadata": {"owner": "me"}});
    assert_eq!(door.call("PATCH", "/collections/a", patch).await.result(), true);
    let info = door.get("/collections/a").await.result();
    assert_eq!(
        (&info["config"]["hnsw_config"]["m"], &info["config"]["metadata"]),
        (&json!(32), &json!({"owner": "me"}))
    );
    assert_eq!(door.delete("/collections/a").await.result(), true);
    assert_eq!(door.delete("/collections/a").await.result(), false);
    assert_eq!(door.get("/collections/a").await.status.as_u16(), 404);
}

#[tokio::test]
async fn names_are_decoded_and_checked() {
    let door = Door::new();
    door.put("/collections/m%C3%A9lange%20%26%20co", json!({})).await;
    assert_eq!(door.db.collections(), ["mélange & co"]);
    assert_eq!(
        door.get("/collections/m%c3%a9lange%20%26%20co/")
            .await
            .status
            .as_u16(),
        200
    );
    let long = "a".repeat(256);
    let most = "a".repeat(255);
    for (method, name) in [
        ("GET", long.as_str()),
        ("GET", "a%2Fb"),
        ("GET", "a%00b"),
        ("PUT", "a%3Ab"),
        ("PUT", "%2e%2e%2f"),
    ] {
        let path = format!("/collections/{name}");
        door.refuses(
            method,
            &path,
            json!({}),
            422,
            "Validation error in path parameters: [name: value",
        )
        .await;
    }
    door.put(&format!("/collections/{most}"), json!({})).await;
    let invalid = door.get("/collections/%ff").await;
    assert_eq!(invalid.status.as_u16(), 400);
    assert!(
        invalid
            .error()
            .starts_with("Deserialize error in path parameters: ")
    );
    assert_eq!(door.db.collections().len(), 2);
}

#[tokio::test]
async fn aliases_stand_for_collections() {
    let door = Door::with_art().await;
    let create = json!({"actions": [{"create_alias": {"collection_name": "art", "alias_name": "now"}}]});
    assert_eq!(door.post("/collections/aliases", create.clone()).await, true);
    let both = json!({"aliases": [{"alias_name": "now", "collection_name": "art"}]});
    assert_eq!(door.get("/aliases").await.result(), both);
    assert_eq!(door.get("/collections/art/aliases").await.result(), both);
    assert_eq!(
        door.get("/collections/now/exists").await.result(),
        json!({"exists": true})
    );
    assert_eq!(
        door.post("/collections/now/points/count", json!({})).await,
        json!({"count": 5})
    );
    let rename = json!({"actions": [
        {"rename_alias": {"old_alias_name": "now", "new_alias_name": "then"}},
        {"delete_alias": {"alias_name": "unknown"}},
    ]});
    assert_eq!(door.post("/collections/aliases", rename.clone()).await, true);
    assert_eq!(door.get("/collections/now").await.status.as_u16(), 404);
    let path = "/collections/aliases";
    door.refuses("POST", path, rename, 404, "Not found: Alias now does not exists!")
        .await;
    let over = json!({"actions": [{"create_alias": {"collection_name": "art", "alias_name": "art"}}]});
    door.refuses(
        "POST",
        path,
        over,
        409,
        "Wrong input: Collection `art` already exists!",
    )
    .await;
    let bad = json!({"actions": [{"create_alias": {"collection_name": "art", "alias_name": "a/b"}}]});
    door.refuses(
        "POST",
        path,
        bad,
        422,
        "actions[0].create_alias.alias_name: value",
    )
    .await;
    door.refuses(
        "POST",
        path,
        json!({"actions": [{"other": {}}]}),
        400,
        "Format error in JSON body: ",
    )
    .await;
}

#[tokio::test]
async fn indexes_show_in_the_schema() {
    let door = Door::with_art().await;
    let index = json!({"field_name": "year", "field_schema": "integer"});
    let done = door.put("/collections/art/index?wait=true", index).await;
    assert_eq!(done["status"], "completed");
    let schema = door.get("/collections/art").await.result()["payload_schema"].take();
    assert_eq!(schema, json!({"year": {"data_type": "integer", "points": 5}}));
    let index = json!({"field_name": "kind", "field_type": {"type": "keyword", "is_tenant": true}});
    assert_eq!(
        door.put("/collections/art/index", index).await["status"],
        "acknowledged"
    );
    let schema = door.get("/collections/art").await.result()["payload_schema"].take();
    assert_eq!(
        schema["kind"]["params"],
        json!({"type": "keyword", "is_tenant": true})
    );
    for path in ["year", "year", "none"] {
        let path = format!("/collections/art/index/{path}?wait=true");
        assert_eq!(door.delete(&path).await.result()["status"], "completed");
    }
    let schema = door.get("/collections/art").await.result()["payload_schema"].take();
    assert_eq!(
        schema
            .as_object()
            .map(|schema| schema.keys().cloned().collect::<Vec<_>>()),
        Some(vec!["kind".into()])
    );
    let text = "Bad request: Can't auto-detect field type, please specify `field_schema` in the request";
    door.refuses(
        "PUT",
        "/collections/art/index",
        json!({"field_name": "a"}),
        400,
        text,
    )
    .await;
}

#[tokio::test]
async fn vectors_are_added_and_dropped() {
    let door = Door::with_art().await;
    let path = "/collections/art/vectors/style?wait=true";
    let added = door
        .put(path, json!({"dense": {"size": 3, "distance": "Euclid"}}))
        .await;
    assert_eq!(added, json!({"status": "completed"}));
    let vectors = door.get("/collections/art").await.result()["config"]["params"]["vectors"].take();
    assert_eq!(vectors["style"], json!({"size": 3, "distance": "Euclid"}));
    assert_eq!(vectors[""]["size"], 2);
    let point = json!({"points": [{"id": 1, "vector": {"style": [1, 2, 3]}}]});
    door.put("/collections/art/points/vectors?wait=true", point).await;
    assert_eq!(door.delete(path).await.result(), json!({"status": "completed"}));
    let point = door.get("/collections/art/points/1").await.result();
    assert_eq!(point["vector"], json!([1.0, 1.0]));
}

#[tokio::test]
async fn cluster_info_is_one_local_shard() {
    let door = Door::with_art().await;
    let info = door.get("/collections/art/cluster").await.result();
    let want = json!({
        "peer_id": 0, "shard_count": 1, "remote_shards": [], "shard_transfers": [],
        "local_shards": [{"shard_id": 0, "points_count": 5, "state": "Active"}],
    });
    assert_eq!(info, want);
    let missing: Value = door.get("/collections/none/cluster").await.json();
    assert_eq!(
        missing["status"]["error"],
        "Not found: Collection `none` doesn't exist!"
    );
}
