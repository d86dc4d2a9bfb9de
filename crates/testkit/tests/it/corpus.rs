//! The reference answers the whole corpus.

use kindred_testkit::{Reference, corpus};

#[test]
fn the_reference_agrees_with_the_corpus() {
    let entries = corpus::load().unwrap();
    assert!(entries.len() >= 12, "{} files", entries.len());
    let wrong: String = entries.iter().filter_map(|entry| entry.run(&mut Reference::new()).err()).collect();
    assert!(wrong.is_empty(), "{wrong}");
}
