//! Repairing one collection: it is taken over, what can be read of it is written to a new segment, and a manifest that
//! names only sound objects ends the repair. Until then nothing has changed but the epoch.

use std::sync::Arc;

use kindred_segment::{Schema, Segment};
use kindred_storage::inspect::{Found, Shard, Takeover};
use kindred_storage::{Error as StorageError, Flaw, Lsn};

use super::lost::Lost;
use super::report::Problem;
use super::segments::{Piece, Segments};
use super::shard::{of_log, read_log};
use crate::collection::apply::{Applier, narrowed};
use crate::collection::body::{self, Kept};
use crate::collection::view::Settings;
use crate::env::Env;

/// Changed points after which replayed changes become segments, as in a recovery.
const PUBLISHED_POINTS: usize = 8_192;

/// Repairs the shard, beginning with the manifest `base`; `manifests` are damaged ones that are newer. Gives what was
/// wrong with segments and log, and what that has lost.
pub(super) fn repair(
    env: &Env,
    lost: &mut Lost<'_>,
    shard: &Shard,
    settings: &Settings,
    base: &Found,
    manifests: &[String],
) -> Result<Vec<Problem>, StorageError> {
    let mut takeover = shard.take_over(base, env.random_u128())?;
    // What older writers did until they were fenced counts.
    let claimed = shard.manifests()?.into_iter().find_map(|(_, read)| read.ok());
    let claimed = claimed.unwrap_or_else(|| base.clone());
    let mut segments = Segments::read(env, &claimed)?;
    let schema = settings.schema();
    let mut applier = applier(&segments, &schema, claimed.replay_from());
    let mut failure = None;
    let log = read_log(shard, &claimed, &mut segments, |lsn, op| {
        let applied = applier.apply(lsn.0, op);
        if applier.unpublished() >= PUBLISHED_POINTS {
            applier.publish();
        }
        applied.map_err(|error| {
            failure = Some(error);
            Flaw::Value("a change of points")
        })
    })?;
    if let Some(error) = failure {
        return Err(error);
    }
    let slots = log.broken.iter().flat_map(|broken| &broken.objects);
    for name in manifests.iter().chain(&segments.objects).chain(slots) {
        lost.keep(name)?;
    }
    let all = applier.publish();
    let (names, kept) = sound(env, &mut takeover, &segments.pieces, &all, &schema, log.end)?;
    takeover.commit(log.end, names, body::encode(&kept))?;
    let mut problems = segments.problems;
    problems.extend(of_log(&log));
    Ok(problems)
}

/// The state that the segments hold, for the log to go on from.
fn applier(segments: &Segments, schema: &Schema, from: Lsn) -> Applier {
    let shown = segments
        .pieces
        .iter()
        .map(|piece| match narrowed(&piece.segment, schema) {
            Some(narrowed) => Arc::new(narrowed),
            None => Arc::clone(&piece.segment),
        });
    Applier::new(schema.clone(), shown.collect(), from.0.saturating_sub(1))
}

/// The sound segments of the state before `end`, for its manifest: those that are as they were, and a new one with all
/// that is only in the log or in damaged segments.
fn sound(
    env: &Env,
    takeover: &mut Takeover,
    pieces: &[Piece],
    all: &[Arc<Segment>],
    schema: &Schema,
    end: Lsn,
) -> Result<(Vec<String>, Vec<Kept>), StorageError> {
    let position = end.0.saturating_sub(1);
    let (mut names, mut kept) = (Vec::new(), Vec::new());
    let mut rest: Vec<&Segment> = Vec::new();
    for segment in all.iter().filter(|segment| segment.visible(position).count() > 0) {
        let piece = pieces.iter().find(|piece| piece.segment.has_rows_of(segment));
        match piece.filter(|piece| !piece.is_partial) {
            Some(piece) => {
                names.push(piece.name.clone());
                kept.push(Kept {
                    rows: rows(segment),
                    gone: segment
                        .departed(0, position)
                        .into_iter()
                        .map(|(offset, _)| offset.0)
                        .collect(),
                    hidden: piece.hidden.clone(),
                });
            }
            None => rest.push(segment),
        }
    }
    if !rest.is_empty() {
        let name = takeover.segment_name();
        env.store.create_with(&name, &mut |out| {
            Segment::write(schema, &rest, position, &name, out, &())
        })?;
        kept.push(Kept {
            rows: u32::try_from(
                rest.iter()
                    .map(|segment| segment.visible(position).count())
                    .sum::<usize>(),
            )
            .unwrap_or(u32::MAX),
            ..Kept::default()
        });
        names.push(name);
    }
    Ok((names, kept))
}

fn rows(segment: &Segment) -> u32 {
    u32::try_from(segment.rows()).unwrap_or(u32::MAX)
}
