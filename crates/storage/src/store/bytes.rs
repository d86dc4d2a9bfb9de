//! The bytes of an object, shared without copies: on the heap, or a file mapped into memory. Handed out by every store,
//! and kept by whoever reads segments in place.
//!
//! INVARIANT: whole objects begin at an address that is a multiple of 16, so that numbers can be read where they lie.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use super::map::{Advice, Map};

/// The alignment, in bytes, of the first byte of a whole object. A map is aligned to a page.
const ALIGNMENT: usize = 16;

/// The bytes of an object, or of a part of it: immutable, and cheap to clone. The bytes of a mapped object stay readable
/// after it was deleted and after its store was closed.
///
/// Reading from a map can end the process if the medium fails, or if a stranger cuts the file: an object that must not
/// be trusted with that is read by range, which copies.
#[derive(Clone)]
pub struct Object {
    bytes: Arc<Bytes>,
    range: Range<usize>,
}

#[derive(Debug)]
enum Bytes {
    Heap(Vec<u8>),
    Map(Map),
}

impl Object {
    /// The bytes within `range`, which begins at zero whatever this is a part of. Nothing is copied. `None`: the range
    /// is not within the bytes that are there.
    pub fn slice(&self, range: Range<usize>) -> Option<Object> {
        if range.start > range.end || range.end > self.range.len() {
            return None;
        }
        let start = self.range.start + range.start;
        Some(Object {
            bytes: Arc::clone(&self.bytes),
            range: start..start + range.len(),
        })
    }

    /// A hint to the operating system about a mapped object; nothing happens for bytes on the heap.
    pub fn advise(&self, advice: Advice) {
        match &*self.bytes {
            Bytes::Heap(_) => {}
            Bytes::Map(map) => map.advise(advice, self.range.clone()),
        }
    }

    /// Whether the bytes are a file's, read when they are used, and not memory of this process.
    pub fn is_mapped(&self) -> bool {
        match &*self.bytes {
            Bytes::Heap(_) => false,
            Bytes::Map(_) => true,
        }
    }
}

impl Deref for Object {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let bytes: &[u8] = match &*self.bytes {
            Bytes::Heap(bytes) => bytes,
            Bytes::Map(map) => map,
        };
        bytes.get(self.range.clone()).unwrap_or_default()
    }
}

impl AsRef<[u8]> for Object {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for Object {
    fn from(bytes: Vec<u8>) -> Object {
        let (bytes, start) = if bytes.is_empty() || bytes.as_ptr().align_offset(ALIGNMENT) == 0 {
            (bytes, 0)
        } else {
            // Allocators in use align so anyway; none has to.
            aligned(&bytes)
        };
        let range = start..bytes.len();
        let bytes = Arc::new(Bytes::Heap(bytes));
        Object { bytes, range }
    }
}

impl From<Map> for Object {
    fn from(map: Map) -> Object {
        let range = 0..map.len();
        let bytes = Arc::new(Bytes::Map(map));
        Object { bytes, range }
    }
}

/// A copy that begins, aligned, at the returned index, behind zeros.
fn aligned(bytes: &[u8]) -> (Vec<u8>, usize) {
    let mut moved: Vec<u8> = Vec::with_capacity(bytes.len() + ALIGNMENT);
    let start = moved.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
    moved.resize(start, 0);
    moved.extend_from_slice(bytes);
    (moved, start)
}

impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        **self == **other
    }
}

impl Eq for Object {}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.is_mapped() { ", mapped" } else { "" };
        write!(f, "Object({} bytes{place})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(object: &Object) {
        assert_eq!(object.as_ptr().align_offset(ALIGNMENT), 0);
        let all = object.to_vec();
        let len = all.len();
        for start in [0, 1, 63, 64, len / 2, len - 1, len] {
            for end in [0, 1, 64, len / 2, len - 1, len] {
                let slice = object.slice(start..end);
                assert_eq!(slice.as_deref(), all.get(start..end), "{start}..{end}");
                let Some(slice) = slice else { continue };
                slice.advise(Advice::WillNeed);
                slice.advise(Advice::Random);
                let half = slice.len() / 2;
                let inner = slice.slice(half..slice.len()).unwrap();
                assert_eq!(*inner, all[start + half..end]);
                assert!(slice.slice(0..slice.len() + 1).is_none(), "not beyond the part");
                assert_eq!(inner.as_ptr(), object[start + half..].as_ptr(), "no copy");
            }
        }
        for (start, end) in [
            (len, len + 1),
            (usize::MAX, 0),
            (0, usize::MAX),
            (usize::MAX, usize::MAX),
        ] {
            assert!(object.slice(start..end).is_none(), "{start}..{end}");
        }
    }

    fn sample(len: usize) -> Vec<u8> {
        (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect()
    }

    #[test]
    fn slices_share_the_bytes_and_stay_within() {
        let object = Object::from(sample(1000));
        check(&object);
        assert!(!object.is_mapped());
        assert_eq!(object, Object::from(sample(1000)));
        assert_ne!(object, Object::from(sample(999)));
        assert_eq!(*Object::from(Vec::new()), *b"");
    }

    #[test]
    fn a_map_is_an_object_like_any_other_and_outlives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, sample(10_000)).unwrap();
        let object = Object::from(Map::open(&std::fs::File::open(&path).unwrap()).unwrap());
        std::fs::remove_file(&path).unwrap();
        check(&object);
        assert!(object.is_mapped() && object.slice(3..4).is_some_and(|part| part.is_mapped()));
        assert_eq!(object, Object::from(sample(10_000)));
    }

    #[test]
    fn a_copy_is_aligned_wherever_the_bytes_were() {
        let bytes = sample(200);
        for skip in 0..ALIGNMENT {
            let (moved, start) = aligned(&bytes[skip..]);
            assert_eq!(moved[start..], bytes[skip..]);
            assert_eq!(moved[start..].as_ptr().align_offset(ALIGNMENT), 0);
        }
    }
}
