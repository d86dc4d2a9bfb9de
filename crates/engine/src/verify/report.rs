//! What a verification has found, and how it is told: one line per problem.

use std::fmt;

use kindred_storage::{Error as StorageError, Flaw};

/// The outcome of a verification.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Damage, in the order in which it was found.
    pub problems: Vec<Problem>,
    /// What an owner may want to know and needs no repair.
    pub notes: Vec<String>,
    /// What was read.
    pub checked: Checked,
    /// Where a repair has put what it has taken out.
    pub lost: Option<String>,
}

/// How much was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Catalogs, older ones included.
    pub catalogs: u64,
    /// Collections that the catalog names.
    pub collections: u64,
    /// Segments.
    pub segments: u64,
    /// Points in them that the manifest shows.
    pub points: u64,
    /// Slots of logs.
    pub slots: u64,
    /// Changes in those.
    pub changes: u64,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The collection that it concerns, if that is known.
    pub collection: Option<String>,
    /// The damaged or missing object.
    pub object: String,
    /// Bytes from its start to the damage, if it has a place.
    pub offset: Option<u64>,
    /// What is wrong and what that means.
    pub what: String,
    /// What a repair does; `None` when this cannot be repaired, or by a human only.
    pub remedy: Option<String>,
    /// What that loses.
    pub loss: Loss,
    /// What has become of it.
    pub outcome: Outcome,
}

/// What cannot be read any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Loss {
    /// Points.
    pub points: u64,
    /// Vectors of points that stay.
    pub vectors: u64,
    /// Changes at the end of the log.
    pub changes: u64,
    /// How sure the numbers are.
    pub sureness: Sureness,
}

/// How sure numbers are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sureness {
    /// Counted.
    #[default]
    Exact,
    /// It may be less: later changes may have replaced what is lost.
    AtMost,
    /// It may be more: nobody can say what the damage has held.
    AtLeast,
}

/// What has become of a problem.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Outcome {
    /// It is as it was.
    #[default]
    Found,
    /// It was repaired.
    Repaired,
    /// The repair has failed; nothing was lost by that.
    Failed(String),
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Checked {
    pub(super) fn add(&mut self, more: &Self) {
        self.segments += more.segments;
        self.points += more.points;
        self.slots += more.slots;
        self.changes += more.changes;
    }
}

impl Outcome {
    pub(super) fn of(done: Result<(), StorageError>) -> Self {
        match done {
            Ok(()) => Self::Repaired,
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}

impl Problem {
    pub(super) fn new(object: &str, offset: Option<u64>, what: impl Into<String>) -> Self {
        Self {
            collection: None,
            object: object.to_owned(),
            offset,
            what: what.into(),
            remedy: None,
            loss: Loss::default(),
            outcome: Outcome::Found,
        }
    }

    /// What a failed read tells; without a remedy.
    pub(super) fn of(error: &StorageError) -> Self {
        match error {
            StorageError::Corrupt {
                object,
                flaw: Flaw::Missing,
                ..
            }
            | StorageError::NotFound { object } => Self::new(object, None, "it is missing"),
            StorageError::Corrupt { object, offset, flaw } => {
                Self::new(object, Some(*offset), flaw.to_string())
            }
            StorageError::Version {
                object,
                found,
                supported,
            } => {
                let what =
                    format!("format version {found}, this program reads up to {supported}: use a newer one");
                Self::new(object, None, what)
            }
            StorageError::Io { object, source } | StorageError::Full { object, source } => Self::new(
                object,
                None,
                format!("it cannot be read now, which may pass: {source}"),
            ),
            StorageError::Locked { folder: object }
            | StorageError::Exists { object }
            | StorageError::Fenced { object }
            | StorageError::TooLarge { object, .. }
            | StorageError::Foreign { found: object }
            | StorageError::BadName { name: object } => Self::new(object, None, error.to_string()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        let Checked {
            collections,
            segments,
            points,
            slots,
            changes,
            ..
        } = self.checked;
        write!(
            f,
            "read {}: {} with {}, {} with {}; ",
            count(collections, "collection"),
            count(segments, "segment"),
            count(points, "point"),
            count(slots, "log slot"),
            count(changes, "change"),
        )?;
        self.verdict(f)
    }
}

impl Report {
    fn verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("nothing is wrong");
        }
        let total = self.problems.len() as u64;
        let repaired = self
            .problems
            .iter()
            .filter(|problem| problem.outcome == Outcome::Repaired);
        let repaired = repaired.count() as u64;
        write!(f, "{}", count(total, "problem"))?;
        if repaired > 0 {
            write!(f, ", {repaired} repaired")?;
        } else if self.problems.iter().any(|problem| problem.remedy.is_some()) {
            f.write_str("; `kindred verify --repair` repairs what can be repaired")?;
        }
        match &self.lost {
            Some(place) => write!(f, "; what was taken out is kept under {place}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.object)?;
        if let Some(offset) = self.offset {
            write!(f, " at byte {offset}")?;
        }
        if let Some(collection) = &self.collection {
            write!(f, " (collection `{collection}`)")?;
        }
        write!(f, ": {}. ", self.what)?;
        match (&self.outcome, &self.remedy) {
            (Outcome::Repaired, remedy) => {
                write!(
                    f,
                    "Repaired: {}; lost: {}",
                    remedy.as_deref().unwrap_or("done"),
                    self.loss
                )
            }
            (Outcome::Failed(why), _) => write!(f, "The repair has failed: {why}"),
            (Outcome::Found, Some(remedy)) => write!(f, "A repair would {remedy}; lost: {}", self.loss),
            (Outcome::Found, None) => f.write_str("No repair for this"),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.points, "point"),
            (self.vectors, "vector"),
            (self.changes, "change"),
        ];
        let parts = parts.into_iter().filter(|(number, _)| *number > 0);
        let parts: Vec<String> = parts.map(|(number, noun)| count(number, noun)).collect();
        let text = parts.join(" and ");
        match (self.sureness, text.is_empty()) {
            (Sureness::Exact | Sureness::AtMost, true) => f.write_str("nothing"),
            (Sureness::AtLeast, true) => f.write_str("changes that nobody can count"),
            (Sureness::Exact, false) => f.write_str(&text),
            (Sureness::AtMost, false) => write!(f, "at most {text}"),
            (Sureness::AtLeast, false) => write!(f, "at least {text}"),
        }
    }
}

fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_line_that_says_all() {
        let mut problem = Problem::new("c/1/s0/seg/x.seg", Some(64), "the checksum does not match");
        assert_eq!(
            problem.to_string(),
            "c/1/s0/seg/x.seg at byte 64: the checksum does not match. No repair for this"
        );
        problem.collection = Some("art".to_owned());
        problem.remedy = Some("write it anew".to_owned());
        problem.loss.points = 1;
        problem.loss.vectors = 2;
        assert_eq!(
            problem.to_string(),
            "c/1/s0/seg/x.seg at byte 64 (collection `art`): the checksum does not match. \
             A repair would write it anew; lost: 1 point and 2 vectors"
        );
    }

    #[test]
    fn numbers_are_as_sure_as_they_are() {
        let loss = |changes, sureness| Loss {
            changes,
            sureness,
            ..Loss::default()
        };
        for (loss, want) in [
            (loss(0, Sureness::Exact), "nothing"),
            (loss(0, Sureness::AtMost), "nothing"),
            (loss(0, Sureness::AtLeast), "changes that nobody can count"),
            (loss(3, Sureness::Exact), "3 changes"),
            (loss(1, Sureness::AtMost), "at most 1 change"),
            (loss(2, Sureness::AtLeast), "at least 2 changes"),
        ] {
            assert_eq!(loss.to_string(), want);
        }
    }
}
