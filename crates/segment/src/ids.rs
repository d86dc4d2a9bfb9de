//! The ids of a segment in their order: numbers ascending, then UUIDs ascending. An offset is a place in this list.

use kindred_model::id::PointId;
use kindred_storage::{Error, Regions};
use uuid::Uuid;

use crate::buffer::Buffer;

pub(crate) const NUMBERS: &str = "ids/numbers";
pub(crate) const UUIDS: &str = "ids/uuids";

/// Strictly ascending ids.
#[derive(Debug)]
pub(crate) struct Ids {
    numbers: Buffer<u64>,
    uuids: Buffer<[u8; 16]>,
    min_max: Option<(PointId, PointId)>,
}

impl Ids {
    /// Ids that ascend strictly.
    pub(crate) fn new(ids: impl IntoIterator<Item = PointId>) -> Self {
        let (mut numbers, mut uuids) = (Vec::new(), Vec::new());
        for id in ids {
            match id {
                PointId::Num(number) => numbers.push(number),
                PointId::Uuid(uuid) => uuids.push(uuid.into_bytes()),
            }
        }
        Self::of(numbers.into(), uuids.into())
    }

    /// Reads and checks the ids of a segment object.
    pub(crate) fn open(regions: &Regions, numbers: usize, uuids: usize) -> Result<Self, Error> {
        let numbers = Buffer::read_checked(regions, NUMBERS, Some(numbers))?;
        let uuids = Buffer::read_checked(regions, UUIDS, Some(uuids))?;
        check_order(regions.name(), &numbers)?;
        check_order(regions.name(), &uuids)?;
        Ok(Self::of(numbers, uuids))
    }

    fn of(numbers: Buffer<u64>, uuids: Buffer<[u8; 16]>) -> Self {
        let mut ids = Self {
            numbers,
            uuids,
            min_max: None,
        };
        let last = ids.len().checked_sub(1);
        ids.min_max = last.and_then(|last| Some((ids.get(0)?, ids.get(last)?)));
        ids
    }

    pub(crate) fn len(&self) -> usize {
        self.numbers.len() + self.uuids.len()
    }

    /// The smallest and the largest id.
    pub(crate) fn min_max(&self) -> Option<(PointId, PointId)> {
        self.min_max
    }

    pub(crate) fn get(&self, row: usize) -> Option<PointId> {
        match row.checked_sub(self.numbers.len()) {
            None => self.numbers.get(row).copied().map(PointId::Num),
            Some(row) => self
                .uuids
                .get(row)
                .copied()
                .map(Uuid::from_bytes)
                .map(PointId::Uuid),
        }
    }

    /// The row of `id`.
    pub(crate) fn find(&self, id: PointId) -> Option<usize> {
        // Segments of disjoint ranges are told apart without touching their bytes.
        let (min, max) = self.min_max?;
        if id < min || id > max {
            return None;
        }
        match id {
            PointId::Num(number) => self.numbers.binary_search(&number).ok(),
            PointId::Uuid(uuid) => {
                let row = self.uuids.binary_search(uuid.as_bytes()).ok()?;
                Some(self.numbers.len() + row)
            }
        }
    }

    /// How many ids are smaller.
    pub(crate) fn rank(&self, id: PointId) -> usize {
        match id {
            PointId::Num(number) => self.numbers.partition_point(|other| *other < number),
            PointId::Uuid(uuid) => {
                self.numbers.len() + self.uuids.partition_point(|other| other < uuid.as_bytes())
            }
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.numbers.memory_bytes() + self.uuids.memory_bytes()
    }
}

fn check_order<T: bytemuck::Pod + Ord>(object: &str, ids: &Buffer<T>) -> Result<(), Error> {
    let mut pairs = ids.iter().zip(ids.iter().skip(1));
    match pairs.position(|(a, b)| a >= b) {
        None => Ok(()),
        Some(index) => Err(ids.damage(object, index.saturating_add(1), "the order of ids")),
    }
}
