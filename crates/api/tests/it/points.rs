//! Writing and reading points without a query.

use serde_json::{Value, json};

use crate::door::{Door, ids};

const POINTS: &str = "/collections/art/points";

async fn payload(door: &Door, id: u64) -> Value {
    door.get(&format!("{POINTS}/{id}")).await.result()["payload"].take()
}

#[tokio::test]
async fn wait_decides_what_is_said_and_not_what_is_done() {
    let door = Door::with_art().await;
    let point = |id: u64| json!({"points": [{"id": id, "vector": [0, 0]}]});
    for (query, status) in [
        ("", "acknowledged"),
        ("?wait=false&timeout=1", "acknowledged"),
        ("?wait=true", "completed"),
        ("?wait=true&timeout=60&ordering=strong", "completed"),
    ] {
        let done = door.put(&format!("{POINTS}{query}"), point(10)).await;
        assert_eq!(done["status"], status, "{query}");
        assert!(done["operation_id"].is_u64(), "{done}");
    }
    assert_eq!(door.post(&format!("{POINTS}/count"), json!({})).await["count"], 6);
}

#[tokio::test]
async fn a_point_is_read_by_its_id_in_the_path() {
    let door = Door::with_art().await;
    let want = json!({"id": 2, "vector": [2.0, 1.0], "payload": {"kind": "print", "year": 1902}});
    assert_eq!(door.get(&format!("{POINTS}/2")).await.result(), want);
    let uuid = "936da01f-9abd-4d9d-80c7-02af85c822a8";
    door.put(POINTS, json!({"batch": {"ids": [uuid], "vectors": [[1, 2]]}}))
        .await;
    let found = door
        .get(&format!(
            "{POINTS}/936DA01F9ABD4D9D80C702AF85C822A8?consistency=majority"
        ))
        .await
        .result();
    assert_eq!(found, json!({"id": uuid, "vector": [1.0, 2.0], "payload": {}}));
    let missing = door.get(&format!("{POINTS}/77")).await;
    assert_eq!(
        (missing.status.as_u16(), missing.error().as_str()),
        (404, "Not found: Point with id 77 does not exists!")
    );
    for bad in ["x", "-1", "1.5", "18446744073709551616"] {
        let answer = door.get(&format!("{POINTS}/{bad}")).await;
        let want = format!("Can not recognize \"{bad}\" as point id");
        assert_eq!((answer.status.as_u16(), answer.error()), (400, want));
    }
}

#[tokio::test]
async fn points_are_retrieved_scrolled_and_counted() {
    let door = Door::with_art().await;
    let found = door
        .post(POINTS, json!({"ids": [3, 9, 1, 3], "with_payload": ["kind"]}))
        .await;
    let want =
        json!([{"id": 3, "payload": {"kind": "painting"}}, {"id": 1, "payload": {"kind": "painting"}}]);
    assert_eq!(found, want);
    let page = door
        .post(
            &format!("{POINTS}/scroll"),
            json!({"limit": 2, "with_vector": true}),
        )
        .await;
    assert_eq!(
        (ids(&page["points"]), &page["next_page_offset"]),
        (vec![1, 2], &json!(3))
    );
    assert_eq!(page["points"][0]["vector"], json!([1.0, 1.0]));
    assert_eq!(page["points"][0]["payload"]["year"], 1901);
    let page = door.post(&format!("{POINTS}/scroll"), json!({"offset": 3})).await;
    assert_eq!(
        (ids(&page["points"]), &page["next_page_offset"]),
        (vec![3, 4, 5], &Value::Null)
    );
    let prints = json!({"must": {"key": "kind", "match": {"value": "print"}}});
    let count = door
        .post(
            &format!("{POINTS}/count"),
            json!({"filter": prints, "exact": false}),
        )
        .await;
    assert_eq!(count, json!({"count": 2}));
    let order = json!({"order_by": {"key": "year", "direction": "desc"}, "limit": 2});
    let scroll = format!("{POINTS}/scroll");
    door.refuses(
        "POST",
        &scroll,
        order.clone(),
        400,
        "Wrong input: No range index for `order_by` key: `year`",
    )
    .await;
    door.put(
        "/collections/art/index",
        json!({"field_name": "year", "field_schema": "integer"}),
    )
    .await;
    let page = door.post(&scroll, order).await;
    assert_eq!(
        (ids(&page["points"]), &page["points"][0]["order_value"]),
        (vec![5, 4], &json!(1905))
    );
}

#[tokio::test]
async fn values_are_counted_where_an_index_is() {
    let door = Door::with_art().await;
    let facet = "/collections/art/facet";
    door.refuses(
        "POST",
        facet,
        json!({"key": "kind"}),
        400,
        "Wrong input: No appropriate index for faceting: `kind`",
    )
    .await;
    door.put(
        "/collections/art/index",
        json!({"field_name": "kind", "field_schema": "keyword"}),
    )
    .await;
    let hits = door.post(facet, json!({"key": "kind", "exact": true})).await;
    assert_eq!(
        hits,
        json!({"hits": [{"value": "painting", "count": 3}, {"value": "print", "count": 2}]})
    );
}

#[tokio::test]
async fn payloads_are_merged_replaced_and_removed() {
    let door = Door::with_art().await;
    let path = format!("{POINTS}/payload?wait=true");
    door.post(
        &path,
        json!({"payload": {"a": {"b": 1}, "year": null}, "points": [1]}),
    )
    .await;
    assert_eq!(
        payload(&door, 1).await,
        json!({"kind": "painting", "a": {"b": 1}})
    );
    door.post(&path, json!({"payload": {"c": 2}, "points": [1], "key": "a"}))
        .await;
    assert_eq!(
        payload(&door, 1).await,
        json!({"kind": "painting", "a": {"b": 1, "c": 2}})
    );
    door.put(&path, json!({"payload": {"z": 0}, "points": [1]})).await;
    assert_eq!(payload(&door, 1).await, json!({"z": 0}));
    let prints = json!({"must": [{"key": "kind", "match": {"value": "print"}}]});
    door.post(
        &format!("{POINTS}/payload/delete"),
        json!({"keys": ["kind"], "filter": prints}),
    )
    .await;
    assert_eq!(payload(&door, 2).await, json!({"year": 1902}));
    door.post(&format!("{POINTS}/payload/clear"), json!({"points": [2, 3]}))
        .await;
    assert_eq!(
        (payload(&door, 2).await, payload(&door, 3).await),
        (json!({}), json!({}))
    );
}

#[tokio::test]
async fn vectors_are_replaced_and_removed() {
    let door = Door::with_art().await;
    door.put(
        &format!("{POINTS}/vectors?wait=true"),
        json!({"points": [{"id": 1, "vector": [7, 8]}]}),
    )
    .await;
    assert_eq!(
        door.get(&format!("{POINTS}/1")).await.result()["vector"],
        json!([7.0, 8.0])
    );
    door.post(
        &format!("{POINTS}/vectors/delete"),
        json!({"points": [1], "vector": [""]}),
    )
    .await;
    assert_eq!(
        door.get(&format!("{POINTS}/1")).await.result()["vector"],
        json!({})
    );
}

#[tokio::test]
async fn points_are_deleted_by_id_and_by_filter() {
    let door = Door::with_art().await;
    door.post(&format!("{POINTS}/delete?wait=true"), json!({"points": [1, 99]}))
        .await;
    let early = json!({"must": [{"key": "year", "range": {"lt": 1904}}]});
    door.post(&format!("{POINTS}/delete?wait=true"), json!({"filter": early}))
        .await;
    assert_eq!(
        ids(&door.post(&format!("{POINTS}/scroll"), json!({})).await["points"]),
        [4, 5]
    );
}

#[tokio::test]
async fn a_batch_runs_in_order() {
    let door = Door::with_art().await;
    let batch = format!("{POINTS}/batch?wait=true");
    assert_eq!(door.post(&batch, json!({"operations": []})).await, json!([]));
    let done = door
        .post(
            &batch,
            json!({"operations": [
                {"upsert": {"points": [{"id": 8, "vector": [1, 1], "payload": {"a": 1}}]}},
                {"set_payload": {"payload": {"b": 2}, "points": [8]}},
                {"overwrite_payload": {"payload": {"c": 3}, "points": [1]}},
                {"delete_payload": {"keys": ["a"], "points": [8]}},
                {"clear_payload": {"points": [2]}},
                {"update_vectors": {"points": [{"id": 8, "vector": [5, 5]}]}},
                {"delete_vectors": {"points": [3], "vector": [""]}},
                {"delete": {"points": [4]}},
            ]}),
        )
        .await;
    let done = done.as_array().unwrap();
    assert_eq!(done.len(), 8);
    assert!(done.iter().all(|done| done["status"] == "completed"));
    assert!(done.is_sorted_by_key(|done| done["operation_id"].as_u64()));
    assert_eq!(
        door.get(&format!("{POINTS}/8")).await.result(),
        json!({"id": 8, "vector": [5.0, 5.0], "payload": {"b": 2}})
    );
    assert_eq!(
        (payload(&door, 1).await, payload(&door, 2).await),
        (json!({"c": 3}), json!({}))
    );
    assert_eq!(door.get(&format!("{POINTS}/4")).await.status.as_u16(), 404);

    let failing = json!({"operations": [
        {"delete": {"points": [1]}},
        {"set_payload": {"payload": {}, "points": [777]}},
        {"delete": {"points": [2]}},
    ]});
    door.refuses(
        "POST",
        &batch,
        failing,
        404,
        "Not found: No point with id 777 found",
    )
    .await;
    assert_eq!(door.get(&format!("{POINTS}/1")).await.status.as_u16(), 404);
    assert_eq!(door.get(&format!("{POINTS}/2")).await.status.as_u16(), 200);
}
