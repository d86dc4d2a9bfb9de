//! The bytes of a snapshot: an object of regions with the description, and for every collection the body of its
//! manifest and its segment objects as they are. Drawn in docs/format.md.
//!
//! INVARIANT: after `check` every byte is known to be what a snapshot holds: nothing of a stranger is believed before.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::io;

use kindred_model::id::PointId;
use kindred_segment::{Offset, Residence, Segment};
use kindred_storage::regions::SNAPSHOT_MAGIC;
use kindred_storage::{MAX_NUMBERED_BYTES, Object, Region, RegionWriter, Regions};

use super::meta::{Meta, Part, SnapshotKind, refused};
use crate::collection::body::{self, Kept};
use crate::collection::capture::Capture;
use crate::collection::view::Settings;
use crate::ctx::Ctx;
use crate::error::{Error, ErrorKind};

/// The region of the description.
const META: &str = "meta";

/// Bytes that are copied between two looks at whether anybody still waits.
pub(super) const STEP_BYTES: usize = 1 << 20;

/// Rows that are compared between two such looks.
const STEP_ROWS: u64 = 1 << 16;

fn body_region(collection: usize) -> String {
    format!("c{collection}/body")
}

fn segment_region(collection: usize, segment: usize) -> String {
    format!("c{collection}/seg/{segment}")
}

/// Writes a snapshot of collections as they were captured, in one pass.
pub(super) fn write(
    out: &mut dyn io::Write,
    kind: SnapshotKind,
    sources: &[(String, Capture)],
    aliases: BTreeMap<String, String>,
    ctx: &Ctx,
) -> Result<(), Error> {
    let mut regions = RegionWriter::new(out, SNAPSHOT_MAGIC, "the snapshot")?;
    let mut parts = Vec::with_capacity(sources.len());
    for (number, (name, capture)) in sources.iter().enumerate() {
        let kept: Vec<Kept> = capture.segments.iter().map(|(_, kept)| kept.clone()).collect();
        regions.begin(&body_region(number))?;
        regions.write(&body::encode(&kept))?;
        for (index, (segment, _)) in capture.segments.iter().enumerate() {
            let object = segment
                .object()
                .ok_or_else(|| Error::new(ErrorKind::Internal, "a captured segment is not sealed"))?;
            regions.begin(&segment_region(number, index))?;
            for step in object.chunks(STEP_BYTES) {
                ctx.check()?;
                regions.write(step)?;
            }
        }
        let Settings { config, indexes } = Settings::clone(&capture.settings);
        parts.push(Part {
            name: name.clone(),
            position: capture.position,
            segments: u32::try_from(capture.segments.len()).unwrap_or(u32::MAX),
            config,
            indexes,
        });
    }
    regions.begin(META)?;
    regions.write(&Meta::new(kind, parts, aliases).encode()?)?;
    regions.finish()?;
    Ok(())
}

/// A snapshot that was opened. What is in its regions is not known to be good before [`Archive::check`].
pub(super) struct Archive {
    regions: Regions,
    meta: Meta,
}

/// One collection of a checked snapshot.
pub(super) struct Checked<'a> {
    pub(super) part: &'a Part,
    pub(super) segments: Vec<Region>,
    pub(super) kept: Vec<Kept>,
    pub(super) points: u64,
}

impl Archive {
    /// Reads the table and the description: that it is a snapshot of this kind (any, with `None`), and has every region
    /// that it must have and no other.
    pub(super) fn open(object: Object, kind: Option<SnapshotKind>) -> Result<Self, Error> {
        let regions = Regions::open("the snapshot", object, SNAPSHOT_MAGIC)?;
        let meta = regions
            .region(META)
            .ok_or_else(|| refused("it does not describe itself"))?;
        meta.check()?;
        let meta = Meta::decode(&meta, kind)?;
        if kind.is_some_and(|kind| kind != meta.kind) {
            return Err(refused(match meta.kind {
                SnapshotKind::Collection => "it is of one collection, not of a whole storage",
                SnapshotKind::Storage => {
                    "it is of a whole storage, not of one collection: `kindred snapshot restore-all` takes it"
                }
            }));
        }
        let archive = Self { regions, meta };
        archive.check_regions()?;
        Ok(archive)
    }

    pub(super) fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Reads everything: every checksum, vector and payload, whether the segments are those of the settings, and
    /// whether each point is in one of them only. Memory is bounded by a small part of the snapshot's size.
    pub(super) fn check(&self, ctx: &Ctx) -> Result<Vec<Checked<'_>>, Error> {
        self.regions.check()?;
        let parts = self.meta.collections.iter().enumerate();
        parts
            .map(|(number, part)| self.check_part(number, part, ctx))
            .collect()
    }

    fn check_regions(&self) -> Result<(), Error> {
        // The names in the table are unique, so equal numbers and no missing name mean equal sets.
        let found: BTreeSet<&str> = self.regions.names().collect();
        let mut wanted: u64 = 1;
        for (number, part) in self.meta.collections.iter().enumerate() {
            wanted += 1 + u64::from(part.segments);
            if wanted > found.len() as u64 || !found.contains(body_region(number).as_str()) {
                return Err(refused("it lacks a region that its description names"));
            }
            let segments = usize::try_from(part.segments).unwrap_or(usize::MAX);
            let is_there = |index| found.contains(segment_region(number, index).as_str());
            if !(0..segments).all(is_there) {
                return Err(refused("it lacks a segment that its description names"));
            }
        }
        if wanted != found.len() as u64 {
            return Err(refused("it has a region that its description does not name"));
        }
        Ok(())
    }

    fn check_part<'a>(&'a self, number: usize, part: &'a Part, ctx: &Ctx) -> Result<Checked<'a>, Error> {
        let segments: Vec<Region> = (0..part.segments as usize)
            .filter_map(|index| self.regions.region(&segment_region(number, index)))
            .collect();
        let mut opened = Vec::with_capacity(segments.len());
        for (index, region) in segments.iter().enumerate() {
            ctx.check()?;
            let name = format!("{} of the snapshot", segment_region(number, index));
            let segment = Segment::open(&name, region.object(), &Residence::default())?;
            check_segment(&segment, &name, part)?;
            opened.push(segment);
        }
        let body = self.regions.region(&body_region(number));
        let kept = read_body(number, body.as_deref().unwrap_or_default(), &opened)?;
        for (segment, kept) in opened.iter().zip(&kept) {
            check_columns(segment, kept, part)?;
        }
        let points = check_ids(&opened, &kept, ctx)?;
        Ok(Checked {
            part,
            segments,
            kept,
            points,
        })
    }
}

/// What the segment holds, in itself and against the position of the snapshot.
fn check_segment(segment: &Segment, name: &str, part: &Part) -> Result<(), Error> {
    segment.check()?;
    for row in 0..segment.rows() {
        let point = segment.point(Offset::from_row(row));
        if point.is_none_or(|point| point.version == 0 || point.version > part.position) {
            return Err(refused(format!("{name}: row {row} is newer than the snapshot")));
        }
    }
    Ok(())
}

/// The body, read with the number of rows that its segments really have, so that it cannot ask for more memory.
fn read_body(number: usize, bytes: &[u8], segments: &[Segment]) -> Result<Vec<Kept>, Error> {
    if bytes.len() > MAX_NUMBERED_BYTES {
        return Err(refused("the body of a manifest is too large"));
    }
    let name = format!("{} of the snapshot", body_region(number));
    let is_right = |index: usize, rows: u32| {
        let segment: Option<&Segment> = segments.get(index);
        segment.is_some_and(|segment| u32::try_from(segment.rows()) == Ok(rows))
    };
    let kept = body::decode_where(&name, bytes, is_right)?;
    if kept.len() != segments.len() {
        return Err(refused(format!("{name} is not that of the segments")));
    }
    Ok(kept)
}

/// Whether every column that will be seen is one of the vector fields, as they are configured.
fn check_columns(segment: &Segment, kept: &Kept, part: &Part) -> Result<(), Error> {
    for name in segment.column_names() {
        let Some(wanted) = part.config.column(name).filter(|_| !kept.hidden.contains(name)) else {
            continue;
        };
        if !segment.column_fits(name, wanted) {
            return Err(refused(format!(
                "the vectors `{name}` of a segment are not those of the settings"
            )));
        }
    }
    Ok(())
}

/// Whether each id is visible in one segment at most; gives the number of points.
fn check_ids(segments: &[Segment], kept: &[Kept], ctx: &Ctx) -> Result<u64, Error> {
    let next = |index: usize, from: usize| -> Option<Reverse<(PointId, usize, usize)>> {
        let (segment, kept) = (segments.get(index)?, kept.get(index)?);
        let mut rows = from..segment.rows();
        let row = rows.find(|row| !u32::try_from(*row).is_ok_and(|row| kept.gone.contains(row)))?;
        Some(Reverse((segment.id(Offset::from_row(row))?, index, row)))
    };
    let mut heads: BinaryHeap<_> = (0..segments.len()).filter_map(|index| next(index, 0)).collect();
    let mut last = None;
    let mut points = 0_u64;
    while let Some(Reverse((id, index, row))) = heads.pop() {
        if last == Some(id) {
            return Err(refused(format!("point {id} is in two segments")));
        }
        last = Some(id);
        points += 1;
        if points.is_multiple_of(STEP_ROWS) {
            ctx.check()?;
        }
        heads.extend(next(index, row + 1));
    }
    Ok(points)
}
