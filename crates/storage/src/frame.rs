//! A frame: length, checksum, payload. Records of a log batch are frames; the engine's larger formats may use them.
//! Reading copies nothing and allocates nothing, and stops at the first frame that is not whole and right.

use crate::checksum;
use crate::error::{Error, Flaw};
use crate::fields::{Fields, offset};

/// Bytes before the payload: its length (u32) and the CRC-32C of length and payload (u32), little-endian.
pub const HEADER_BYTES: usize = 8;

/// The largest payload, in bytes. A larger length is damage, known before anything is read.
pub const MAX_PAYLOAD_BYTES: usize = 64 << 20;

/// Appends one frame.
///
/// # Panics
/// If the payload is larger than [`MAX_PAYLOAD_BYTES`]: callers bound their records first.
pub fn write(out: &mut Vec<u8>, payload: &[u8]) {
    assert!(
        payload.len() <= MAX_PAYLOAD_BYTES,
        "a frame of {} bytes",
        payload.len()
    );
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&len);
    out.extend_from_slice(&frame_crc(len, payload).to_le_bytes());
    out.extend_from_slice(payload);
}

/// Reads frames that follow each other without gaps: payloads in order, then the end; or an error, then the end.
#[derive(Debug)]
pub struct Frames<'n, 'a> {
    object: &'n str,
    rest: &'a [u8],
    at: u64,
}

impl<'n, 'a> Frames<'n, 'a> {
    /// `at`: where in the object `bytes` begin, for errors.
    pub fn new(object: &'n str, bytes: &'a [u8], at: u64) -> Frames<'n, 'a> {
        Frames {
            object,
            rest: bytes,
            at,
        }
    }

    fn read(&mut self) -> Result<&'a [u8], Error> {
        let corrupt = |flaw| Error::corrupt(self.object, self.at, flaw);
        let mut fields = Fields::new(self.object, self.rest);
        let len: [u8; 4] = fields.array().map_err(|_| corrupt(Flaw::Short))?;
        let crc = fields.u32().map_err(|_| corrupt(Flaw::Short))?;
        let count = usize::try_from(u32::from_le_bytes(len)).unwrap_or(usize::MAX);
        if count > MAX_PAYLOAD_BYTES {
            return Err(corrupt(Flaw::Length));
        }
        let payload = fields.take(count).map_err(|_| corrupt(Flaw::Short))?;
        if frame_crc(len, payload) != crc {
            return Err(corrupt(Flaw::Checksum));
        }
        self.rest = fields.rest();
        self.at += offset(HEADER_BYTES + count);
        Ok(payload)
    }
}

impl<'a> Iterator for Frames<'_, 'a> {
    type Item = Result<&'a [u8], Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let frame = self.read();
        if frame.is_err() {
            self.rest = &[];
        }
        Some(frame)
    }
}

fn frame_crc(len: [u8; 4], payload: &[u8]) -> u32 {
    checksum::append(checksum::crc32c(&len), payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_all(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        Frames::new("x", bytes, 100)
            .map(|frame| frame.map(<[u8]>::to_vec))
            .collect()
    }

    fn written(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for payload in payloads {
            write(&mut bytes, payload);
        }
        bytes
    }

    #[test]
    fn the_bytes_are_those_of_the_format() {
        // CRC-32C of 02 00 00 00 'h' 'i', computed bit by bit with the reflected polynomial 0x82f63b78.
        assert_eq!(
            written(&[b"hi".to_vec()]),
            [2, 0, 0, 0, 0x59, 0x72, 0x5a, 0x88, b'h', b'i']
        );
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_anything_is_read() {
        let error = read_all(&[0xff; 64]).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Corrupt {
                    offset: 100,
                    flaw: Flaw::Length,
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn zeroed_bytes_are_no_empty_frames() {
        assert!(matches!(
            read_all(&[0; 16]),
            Err(Error::Corrupt {
                flaw: Flaw::Checksum,
                ..
            })
        ));
    }

    #[test]
    fn damage_is_placed_and_ends_the_reading() {
        let mut bytes = written(&[b"abc".to_vec(), b"de".to_vec(), b"f".to_vec()]);
        bytes[11 + 9] ^= 1;
        let mut frames = Frames::new("x", &bytes, 100);
        assert_eq!(frames.next().unwrap().unwrap(), b"abc");
        let error = frames.next().unwrap().unwrap_err();
        assert!(
            matches!(
                error,
                Error::Corrupt {
                    offset: 111,
                    flaw: Flaw::Checksum,
                    ..
                }
            ),
            "{error}"
        );
        assert!(frames.next().is_none());
    }

    proptest! {
        #[test]
        fn frames_read_back_and_no_flip_or_cut_passes(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6),
            mask in 1_u8..,
        ) {
            let bytes = written(&payloads);
            prop_assert_eq!(read_all(&bytes).unwrap(), payloads.clone());
            for at in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[at] ^= mask;
                prop_assert!(read_all(&flipped).is_err(), "flip at {}", at);
                // A cut between frames leaves whole frames; who needs more counts them, as a batch does.
                if let Ok(fewer) = read_all(&bytes[..at]) {
                    prop_assert_eq!(&bytes[..at], &written(&fewer));
                    prop_assert!(payloads.starts_with(&fewer) && fewer.len() < payloads.len());
                }
            }
        }
    }
}
