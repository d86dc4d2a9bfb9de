//! The partition of all ids that slice conditions select from, the same for every collection and for ever:
//! SipHash-2-4 with an all-zero key over the id's bytes, modulo the number of parts. A number is hashed as eight
//! little-endian bytes, a UUID as its sixteen bytes in order. Clients compute the same.

use crate::id::PointId;

/// Which of `total` parts holds `id`; none when there are no parts.
pub(super) fn slice_of(id: PointId, total: u64) -> Option<u64> {
    let hash = match id {
        // The little-endian bytes of a number are that number as a word.
        PointId::Num(number) => siphash(&[number]),
        PointId::Uuid(uuid) => {
            let (high, low) = uuid.as_u64_pair();
            siphash(&[high.swap_bytes(), low.swap_bytes()])
        }
    };
    hash.checked_rem(total)
}

/// SipHash-2-4 of whole words (Aumasson and Bernstein 2012, section 2), key zero.
fn siphash(words: &[u64]) -> u64 {
    // "somepseudorandomlygeneratedbytes" of the paper, with a key of zeros mixed in.
    let mut state = [
        0x736f_6d65_7073_6575,
        0x646f_7261_6e64_6f6d,
        0x6c79_6765_6e65_7261,
        0x7465_6462_7974_6573,
    ];
    let absorb = |state: [u64; 4], word: u64| {
        let [v0, v1, v2, v3] = state;
        let [v0, v1, v2, v3] = round(round([v0, v1, v2, v3 ^ word]));
        [v0 ^ word, v1, v2, v3]
    };
    for word in words {
        state = absorb(state, *word);
    }
    // The last word holds the length in bytes, modulo 256, in its highest byte; no bytes are left over.
    let [v0, v1, v2, v3] = absorb(state, (words.len() as u64) << 59);
    let [v0, v1, v2, v3] = round(round(round(round([v0, v1, v2 ^ 0xff, v3]))));
    v0 ^ v1 ^ v2 ^ v3
}

fn round([mut v0, mut v1, mut v2, mut v3]: [u64; 4]) -> [u64; 4] {
    v0 = v0.wrapping_add(v1);
    v2 = v2.wrapping_add(v3);
    v1 = v1.rotate_left(13) ^ v0;
    v3 = v3.rotate_left(16) ^ v2;
    v0 = v0.rotate_left(32);
    v2 = v2.wrapping_add(v1);
    v0 = v0.wrapping_add(v3);
    v1 = v1.rotate_left(17) ^ v2;
    v3 = v3.rotate_left(21) ^ v0;
    v2 = v2.rotate_left(32);
    [v0, v1, v2, v3]
}

#[cfg(test)]
mod tests;
