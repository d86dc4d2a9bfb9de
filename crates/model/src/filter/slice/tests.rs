//! The partition against the reference implementation of SipHash-2-4.

use super::*;

fn check(id: PointId, hash: u64, parts: [u64; 4]) {
    // With as many parts as there are numbers but one, the part is nearly the hash.
    assert_eq!(slice_of(id, u64::MAX), Some(hash % u64::MAX), "{id}");
    for (total, part) in [1, 2, 7, 1000].into_iter().zip(parts) {
        assert_eq!(slice_of(id, total), Some(part), "{id} of {total}");
    }
    assert_eq!(slice_of(id, 0), None);
}

#[test]
fn numbers_and_uuids() {
    check(PointId::Num(0), 16_738_165_381_834_614_119, [0, 1, 3, 119]);
    check(PointId::Num(1), 9_224_715_256_000_962_398, [0, 0, 2, 398]);
    check(PointId::Num(2), 13_686_418_376_000_424_449, [0, 1, 3, 449]);
    check(PointId::Num(42), 1_135_563_785_245_924_819, [0, 1, 1, 819]);
    check(PointId::Num(u64::MAX), 9_246_102_839_527_854_430, [0, 0, 4, 430]);
    check(
        "936da01f-9abd-4d9d-80c7-02af85c822a8".parse().unwrap(),
        365_424_089_872_635_669,
        [0, 1, 1, 669],
    );
    check(
        "00000000-0000-0000-0000-000000000000".parse().unwrap(),
        3_659_997_967_308_761_462,
        [0, 0, 6, 462],
    );
}
