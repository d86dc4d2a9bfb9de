//! The bytes of slots, and what appending, sealing and recovering do about damage and other writers.

use std::sync::Arc;

use proptest::prelude::*;

use super::batch::{Batch, Content, Header, MAX_BATCH_BYTES, batch_bytes, decode, encode_batch, encode_seal};
use super::*;
use crate::error::Flaw;
use crate::store::{Fault, FaultyStore, MemoryStore};

const HEADER: Header = Header {
    put_id: 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100,
    epoch: 5,
    seq: 6,
};

fn records_of(content: Content<'_>) -> Vec<Vec<u8>> {
    let Content::Batch(Batch { records, .. }) = content else {
        panic!("{content:?}")
    };
    records.into_iter().map(<[u8]>::to_vec).collect()
}

#[test]
fn the_bytes_are_those_of_the_format() {
    let bytes = encode_batch("x", HEADER, Lsn(9), &[b"hi"]).unwrap();
    let mut expected = b"KNDRDLOG\x01\0\0\0\x01\0\0\0".to_vec();
    expected.extend(0..16);
    expected.extend_from_slice(b"\x05\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x01\0\0\0\x0a\0\0\0");
    assert_eq!(&bytes[..64], expected);
    assert_eq!(&bytes[68..], b"\x02\0\0\0\x59\x72\x5a\x88hi");
    assert_eq!(bytes.len(), batch_bytes(&[b"hi"]));
    let seal = encode_seal(HEADER);
    assert_eq!(
        (seal.len(), &seal[12..16], &seal[48..64]),
        (68, &[2, 0, 0, 0][..], &[0; 16][..])
    );
}

proptest! {
    #[test]
    fn slots_read_back_and_no_flip_or_cut_passes(
        records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 1..5),
        mask in 1_u8..,
    ) {
        for bytes in [encode_batch("x", HEADER, Lsn(9), &records).unwrap(), encode_seal(HEADER)] {
            for at in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[at] ^= mask;
                prop_assert!(decode("x", 5, 6, &flipped).is_err(), "flip at {}", at);
                let cut = decode("x", 5, 6, &bytes[..at]);
                let is_short = matches!(cut, Err(Error::Corrupt { offset: place, flaw: Flaw::Short, .. })
                    if place == offset(at));
                prop_assert!(is_short, "cut at {}: {:?}", at, cut);
            }
            let longer = [&bytes[..], b"x"].concat();
            let trailing = matches!(decode("x", 5, 6, &longer), Err(Error::Corrupt { flaw: Flaw::Trailing, .. }));
            prop_assert!(trailing);
            prop_assert!(decode("x", 5, 7, &bytes).is_err() && decode("x", 4, 6, &bytes).is_err());
        }
        let bytes = encode_batch("x", HEADER, Lsn(9), &records).unwrap();
        prop_assert_eq!(bytes.len(), batch_bytes(&records));
        prop_assert_eq!(records_of(decode("x", 5, 6, &bytes).unwrap()), records);
    }
}

#[test]
fn a_batch_over_the_limit_is_refused_and_the_log_goes_on() {
    let mut log = Log::open(Arc::new(MemoryStore::new()), "", 1, Lsn(1));
    let mut ids = PutIds::new(1);
    let largest = MAX_BATCH_BYTES - batch_bytes::<&[u8]>(&[&[]]);
    let too_large = log.append(&[vec![0; largest + 1]], &mut ids, Urgency::Normal);
    assert!(
        matches!(
            too_large,
            Err(Error::TooLarge {
                size_bytes: 0x400_0001,
                ..
            })
        ),
        "{too_large:?}"
    );
    assert!(log.append(&[vec![0; largest]], &mut ids, Urgency::Normal).is_ok());
    assert_eq!(log.next_lsn(), Lsn(2));
}

/// Epoch 1 with the batches `[a, b]`, `[c]`, `[d]`, sealed in slot 3; epoch 2 with `[e]`, sealed in slot 1.
fn written() -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    let mut ids = PutIds::new(1);
    let mut first = Log::open(store.clone(), "s/", 1, Lsn(1));
    for batch in [&["a", "b"][..], &["c"], &["d"]] {
        first.append(batch, &mut ids, Urgency::Normal).unwrap();
    }
    Log::open(store.clone(), "s/", 2, Lsn(5))
        .append(&["e"], &mut ids, Urgency::Normal)
        .unwrap();
    let starts = [
        EpochStart { epoch: 1, start: 0 },
        EpochStart { epoch: 2, start: 0 },
    ];
    assert_eq!(seal(&*store, "s/", &starts, &mut ids).unwrap(), SEALED);
    store
}

const SEALED: [Sealed; 2] = [
    Sealed {
        epoch: 1,
        start: 0,
        seal: 3,
    },
    Sealed {
        epoch: 2,
        start: 0,
        seal: 1,
    },
];

fn replayed(store: &MemoryStore, sealed: &[Sealed], from: u64) -> Result<(String, Lsn), Error> {
    let mut text = String::new();
    let (_, next) = recover(store, "s/", sealed, Lsn(from), |lsn, record| {
        text += &format!("{lsn}{} ", str::from_utf8(record).unwrap());
        Ok::<(), Error>(())
    })?;
    Ok((text, next))
}

/// Puts other bytes into a slot, or none.
fn replace(store: &MemoryStore, (epoch, seq): (u64, u64), edit: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>) {
    let name = slot_name("s/", epoch, seq);
    let bytes = store.get(&name, None).unwrap().to_vec();
    store.delete(&name).unwrap();
    if let Some(edited) = edit(bytes) {
        store.create(&name, &edited).unwrap();
    }
}

#[test]
fn recovery_replays_from_where_it_is_told() {
    let store = written();
    assert_eq!(
        replayed(&store, &SEALED, 1).unwrap(),
        ("1a 2b 3c 4d 5e ".into(), Lsn(6))
    );
    assert_eq!(
        replayed(&store, &SEALED, 2).unwrap(),
        ("2b 3c 4d 5e ".into(), Lsn(6)),
        "within a batch"
    );
    let later = [
        Sealed {
            epoch: 1,
            start: 2,
            seal: 3,
        },
        SEALED[1],
    ];
    assert_eq!(replayed(&store, &later, 4).unwrap(), ("4d 5e ".into(), Lsn(6)));
    assert_eq!(replayed(&store, &[], 6).unwrap(), (String::new(), Lsn(6)));
    for from in [1, 2, 3] {
        let gap = replayed(&store, &later, from);
        assert!(
            matches!(
                gap,
                Err(Error::Corrupt {
                    flaw: Flaw::Gap { found: 4, .. },
                    ..
                })
            ),
            "{from}: {gap:?}"
        );
    }
    assert!(matches!(
        replayed(&store, &SEALED, 7),
        Err(Error::Corrupt {
            flaw: Flaw::Gap { .. },
            ..
        })
    ));
}

#[test]
fn damage_is_an_error_with_the_object_and_never_a_truncation() {
    type Edit = fn(Vec<u8>) -> Option<Vec<u8>>;
    let cases: [((u64, u64), Edit, Flaw); 8] = [
        ((1, 0), |_| None, Flaw::Missing),
        ((1, 2), |_| None, Flaw::Missing),
        ((1, 1), |_| Some(Vec::new()), Flaw::Short),
        ((1, 0), |bytes| Some(bytes[..70].to_vec()), Flaw::Short),
        (
            (1, 1),
            |mut bytes| {
                bytes[76] ^= 1;
                Some(bytes)
            },
            Flaw::Checksum,
        ),
        (
            (2, 0),
            |mut bytes| {
                bytes[48] ^= 1;
                Some(bytes)
            },
            Flaw::Checksum,
        ),
        (
            (2, 0),
            |_| {
                encode_batch(
                    "",
                    Header {
                        put_id: 0,
                        epoch: 2,
                        seq: 0,
                    },
                    Lsn(6),
                    &["e"],
                )
                .ok()
            },
            Flaw::Gap {
                expected: 5,
                found: 6,
            },
        ),
        (
            (1, 1),
            |_| {
                Some(encode_seal(Header {
                    put_id: 0,
                    epoch: 1,
                    seq: 1,
                }))
            },
            Flaw::Seal,
        ),
    ];
    for (at, edit, expected) in cases {
        let store = written();
        replace(&store, at, edit);
        let error = replayed(&store, &SEALED, 1).unwrap_err();
        let name = slot_name("s/", at.0, at.1);
        assert!(
            matches!(&error, Error::Corrupt { object, flaw, .. } if *object == name && *flaw == expected),
            "{error}"
        );
    }
}

#[test]
fn a_cut_at_any_length_of_any_slot_is_refused_with_object_and_offset() {
    // The last slot before a seal is (1, 2), the last of all (2, 0), and (1, 3) holds a seal.
    for at in [(1, 0), (1, 1), (1, 2), (2, 0)] {
        let name = slot_name("s/", at.0, at.1);
        let whole = written().get(&name, None).unwrap().len();
        for len in 0..whole {
            let store = written();
            replace(&store, at, |bytes| Some(bytes[..len].to_vec()));
            let error = replayed(&store, &SEALED, 1).unwrap_err();
            assert!(
                matches!(&error, Error::Corrupt { object, offset: place, flaw: Flaw::Short }
                    if *object == name && *place == offset(len)),
                "{at:?} cut to {len}: {error}"
            );
        }
    }
}

#[test]
fn sealing_passes_what_is_written_and_repeats_harmlessly() {
    let store = written();
    let starts = [
        EpochStart { epoch: 1, start: 2 },
        EpochStart { epoch: 3, start: 0 },
        EpochStart { epoch: 4, start: 9 },
    ];
    let expected = [(1, 2, 3), (3, 0, 0), (4, 9, 9)];
    for seed in [2, 3] {
        let sealed = seal(&*store, "s/", &starts, &mut PutIds::new(seed)).unwrap();
        let sealed: Vec<_> = sealed
            .iter()
            .map(|sealed| (sealed.epoch, sealed.start, sealed.seal))
            .collect();
        assert_eq!(sealed, expected);
    }
}

#[test]
fn sealing_refuses_a_cut_slot_and_writes_nothing_behind_it() {
    for (is_seal, start) in [(false, 0), (true, 0), (false, 1), (true, 1)] {
        let header = Header {
            put_id: 0,
            epoch: 5,
            seq: 1,
        };
        let bytes = if is_seal {
            encode_seal(header)
        } else {
            encode_batch("", header, Lsn(1), &["e"]).unwrap()
        };
        for len in 0..bytes.len() {
            let store = MemoryStore::new();
            let name = slot_name("s/", 5, 1);
            store.create(&name, &bytes[..len]).unwrap();
            for seed in [1, 2] {
                let starts = [EpochStart { epoch: 5, start }];
                let error = seal(&store, "s/", &starts, &mut PutIds::new(seed)).unwrap_err();
                assert!(
                    matches!(&error, Error::Corrupt { object, offset: place, flaw: Flaw::Short }
                        if *object == name && *place == offset(len)),
                    "cut to {len}: {error}"
                );
            }
            assert_eq!(store.list("").unwrap(), [name]);
        }
    }
}

#[test]
fn a_sealed_writer_is_fenced_for_good() {
    let store = Arc::new(MemoryStore::new());
    let mut ids = PutIds::new(1);
    let mut log = Log::open(store.clone(), "s/", 1, Lsn(1));
    log.append(&["a"], &mut ids, Urgency::Normal).unwrap();
    seal(
        &*store,
        "s/",
        &[EpochStart { epoch: 1, start: 0 }],
        &mut PutIds::new(2),
    )
    .unwrap();
    for _ in 0..2 {
        let fenced = log.append(&["b"], &mut ids, Urgency::Normal).unwrap_err();
        assert!(
            matches!(&fenced, Error::Fenced { object } if *object == slot_name("s/", 1, 1)),
            "{fenced}"
        );
    }
    assert_eq!(store.list("").unwrap().len(), 2, "the batch and the seal");
}

#[test]
fn lost_answers_are_settled_and_a_crash_poisons() {
    for (fault, is_good) in [
        (Fault::Error, true),
        (Fault::LostAnswer, true),
        (Fault::Crash, false),
    ] {
        let store = Arc::new(FaultyStore::with_fault(Arc::default(), 1, fault, 0));
        let mut log = Log::open(store.clone(), "s/", 1, Lsn(1));
        let mut ids = PutIds::new(1);
        assert_eq!(
            log.append(&["a"], &mut ids, Urgency::Normal).is_ok(),
            is_good,
            "{fault:?}"
        );
        let calls = store.calls();
        assert_eq!(
            log.append(&["b"], &mut ids, Urgency::Normal).is_ok(),
            is_good,
            "{fault:?}"
        );
        assert_eq!(
            store.calls() > calls,
            is_good,
            "a poisoned log does not touch the store"
        );
    }
}

#[test]
fn a_full_store_refuses_until_there_is_space() {
    let image = Arc::new(MemoryStore::new());
    let store = Arc::new(FaultyStore::with_fault(image.clone(), 2, Fault::Full, 0));
    let mut log = Log::open(store.clone(), "s/", 1, Lsn(1));
    let mut ids = PutIds::new(1);
    log.append(&["a"], &mut ids, Urgency::Normal).unwrap();
    for _ in 0..2 {
        assert!(matches!(
            log.append(&["lost"], &mut ids, Urgency::Normal),
            Err(Error::Full { .. })
        ));
    }
    store.free_space();
    log.append(&["b"], &mut ids, Urgency::Normal).unwrap();
    let sealed = seal(&*image, "s/", &[EpochStart { epoch: 1, start: 0 }], &mut ids).unwrap();
    assert_eq!(replayed(&image, &sealed, 1).unwrap(), ("1a 2b ".into(), Lsn(3)));
}
