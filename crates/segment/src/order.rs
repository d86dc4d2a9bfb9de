//! The rows of several segments as one list in the order of their ids: what a merge and a new object hold.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use kindred_index::{Offset, Work};
use kindred_model::id::PointId;
use kindred_storage::{Error, Flaw};

use crate::segment::Segment;

/// Rows between two questions whether to go on.
const STRIDE: usize = 1024;

/// The visible rows of some segments, ascending by id. Eight bytes a row.
pub(crate) struct Order<'a> {
    pub(crate) inputs: &'a [&'a Segment],
    /// Which input, and which row of it.
    rows: Vec<(u32, Offset)>,
    /// Of what is made of it, for errors.
    pub(crate) name: &'a str,
    pub(crate) work: &'a dyn Work,
}

impl<'a> Order<'a> {
    /// The rows of `inputs` that a reader at position `lsn` sees.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when two of them have one id; a stop of `work` is an interrupted [`Error::Io`].
    pub(crate) fn new(
        inputs: &'a [&'a Segment],
        lsn: u64,
        name: &'a str,
        work: &'a dyn Work,
    ) -> Result<Self, Error> {
        let mut order = Self {
            inputs,
            rows: Vec::with_capacity(inputs.iter().map(|input| input.live()).sum()),
            name,
            work,
        };
        let mut heads = Heads::new(inputs, lsn);
        let mut before: Option<PointId> = None;
        while let Some((id, input, offset)) = heads.next() {
            if before.is_some_and(|before| before >= id) {
                return Err(Error::corrupt(
                    name,
                    0,
                    Flaw::Value("a point (two segments have it)"),
                ));
            }
            before = Some(id);
            if order.rows.len().is_multiple_of(STRIDE) {
                order.go_on()?;
            }
            order.rows.push((input, offset));
        }
        // The last number of 32 bits means that there is no vector.
        if u32::try_from(order.rows.len()).is_ok_and(|rows| rows < u32::MAX) {
            return Ok(order);
        }
        Err(Error::TooLarge {
            object: name.to_owned(),
            size_bytes: order.rows.len() as u64,
            limit_bytes: u64::from(u32::MAX) - 1,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// All rows in order: the number of their input, and their offset in it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, Offset)> + '_ {
        self.rows.iter().map(|(input, offset)| (*input as usize, *offset))
    }

    /// Visits all rows in order, and asks now and then whether to go on: the number of their input, and their offset in it.
    pub(crate) fn each(
        &self,
        mut visit: impl FnMut(usize, Offset) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for stride in self.rows.chunks(STRIDE) {
            self.go_on()?;
            for (input, offset) in stride {
                visit(*input as usize, *offset)?;
            }
        }
        Ok(())
    }

    /// # Errors
    /// An interrupted [`Error::Io`] when the work should stop.
    pub(crate) fn go_on(&self) -> Result<(), Error> {
        let stopped = |_| Error::io(self.name, std::io::ErrorKind::Interrupted.into());
        self.work.go_on().map_err(stopped)
    }
}

/// The next visible row of each input, the smallest id on top.
struct Heads<'a> {
    inputs: &'a [&'a Segment],
    lsn: u64,
    heap: BinaryHeap<Reverse<(PointId, u32, Offset)>>,
}

impl<'a> Heads<'a> {
    fn new(inputs: &'a [&'a Segment], lsn: u64) -> Self {
        let mut heads = Self {
            inputs,
            lsn,
            heap: BinaryHeap::new(),
        };
        for input in 0..u32::try_from(inputs.len()).unwrap_or(u32::MAX) {
            heads.push(input, 0);
        }
        heads
    }

    /// Puts the first visible row of `input` from `row` on into the heap.
    fn push(&mut self, input: u32, row: usize) {
        let Some(segment) = self.inputs.get(input as usize) else {
            return;
        };
        let mut rows = (row..segment.rows()).map(Offset::from_row);
        let visible = rows.find(|offset| segment.rows.tombstones.is_visible(*offset, self.lsn));
        if let Some((offset, id)) = visible.and_then(|offset| Some((offset, segment.id(offset)?))) {
            self.heap.push(Reverse((id, input, offset)));
        }
    }

    fn next(&mut self) -> Option<(PointId, u32, Offset)> {
        let Reverse((id, input, offset)) = self.heap.pop()?;
        self.push(input, offset.row() + 1);
        Some((id, input, offset))
    }
}
