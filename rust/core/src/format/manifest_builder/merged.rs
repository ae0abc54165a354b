//! The references of one array for new manifests: merged once, cut into as many files as are wanted.

use std::ops::Range;

use super::plan::{ArrayPlan, Source, as_u32};
use crate::chunk_table::{ChunkRows, RowView};
use crate::format::Manifest;
use crate::format::manifest::{ArrayRefs, StoredLocation, StoredRef};
use crate::region::Extent;
use crate::{ChunkTable, NodeId, Result};

/// What a reference takes in a file besides its coordinates, its bytes and its location.
const REF_BYTES: u64 = 96;

/// How much one manifest is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// References that are left together.
    pub most: usize,
    /// References of a part, about, if there are more.
    pub target: usize,
    /// Bytes of a decompressed file, about, in which whatever is shared counts as often as it is pointed to.
    pub bytes: u64,
}

/// Consecutive references that go into one manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Their numbers.
    pub rows: Range<usize>,
    /// Their bounding box, which meets that of no other run of the same cut.
    pub extents: Vec<Extent>,
}

/// References of one array from old manifests and a session's changes, in coordinate order.
pub struct MergedRefs {
    node_id: NodeId,
    sources: Vec<Source>,
    plan: ArrayPlan,
    changes_state: Option<u64>,
}

impl MergedRefs {
    /// (The references of `old` in `region`, less those changed) and what `changes` sets in `region`.
    ///
    /// Of a coordinate that several manifests have, the first counts, as in a look-up.
    pub fn new(node_id: NodeId, region: &[Extent], old: &[Manifest], changes: Option<&ChunkTable>) -> Result<Self> {
        let mut sources = Vec::with_capacity(old.len() + 1);
        let mut plan = ArrayPlan::new(region.len());
        for manifest in old {
            plan.add(manifest, &node_id, region, as_u32(sources.len())?)?;
            sources.push(Source::Manifest(manifest.clone(), node_id));
        }
        plan = plan.sorted();
        let mut changes_state = None;
        if let Some(changes) = changes {
            let (rows, number) = changes.state();
            changes_state = Some(number);
            plan = plan.overlaid(&rows, region, as_u32(sources.len())?)?;
            sources.push(Source::Table(rows));
        }
        Ok(Self { node_id, sources, plan, changes_state })
    }

    /// The array.
    #[must_use]
    pub fn node_id(&self) -> NodeId {
        self.node_id
    }

    /// Names the state of the changes that are in here (see `ChunkTable::state`), if there are any.
    #[must_use]
    pub fn changes_state(&self) -> Option<u64> {
        self.changes_state
    }

    /// How many references.
    #[must_use]
    pub fn len(&self) -> usize {
        self.plan.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn plan(&self) -> &ArrayPlan {
        &self.plan
    }

    pub(super) fn num_sources(&self) -> usize {
        self.sources.len()
    }

    /// All references as one run.
    #[must_use]
    pub fn whole(&self) -> Run {
        Run { rows: 0..self.len(), extents: self.plan.bounding_box(0..self.len()) }
    }

    /// Cut the references into runs whose bounding boxes do not meet.
    ///
    /// Cuts lie between values of the first axis; where a single value has too many references, between those of the
    /// next, and so on.
    pub fn runs(&self, limits: RunLimits) -> Result<Vec<Run>> {
        let sources = self.sources();
        let mut cutter = Cutter {
            plan: &self.plan,
            sources: &sources,
            limits,
            by_bytes: self.bytes_at_most() > limits.bytes,
            runs: Vec::new(),
        };
        if !self.is_empty() {
            cutter.cut(0..self.len(), 0)?;
        }
        Ok(cutter.runs)
    }

    /// No less than the file that holds everything would take.
    fn bytes_at_most(&self) -> u64 {
        let each = REF_BYTES + 4 * self.plan.ndim() as u64;
        let held = self.sources.iter().map(|source| match source {
            // Stored locations may be shared, and written plain where they were compressed: look closer if it matters.
            Source::Manifest(manifest, _) => (manifest.nbytes() as u64).saturating_mul(16),
            Source::Table(rows) => rows.payload_bytes_at_most(),
        });
        (each * self.len() as u64).saturating_add(held.fold(0, u64::saturating_add))
    }

    /// The sources, ready to be asked for many rows.
    pub(super) fn sources(&self) -> Vec<OpenSource<'_>> {
        self.sources.iter().map(OpenSource::of).collect()
    }
}

/// A source whose references of the array are found already.
#[derive(Clone, Copy)]
pub(super) enum OpenSource<'a> {
    Manifest(&'a Manifest, Option<ArrayRefs<'a>>),
    Table(&'a ChunkRows),
}

impl<'a> OpenSource<'a> {
    fn of(source: &'a Source) -> Self {
        match source {
            Source::Manifest(manifest, node_id) => Self::Manifest(manifest, manifest.refs(node_id)),
            Source::Table(rows) => Self::Table(rows),
        }
    }

    /// Whether reference `row` is virtual.
    pub fn is_virtual(&self, row: usize) -> Result<bool> {
        Ok(match self {
            Self::Table(rows) => rows.is_virtual(row),
            Self::Manifest(_, Some(refs)) => matches!(refs.stored(row)?, StoredRef::Virtual { .. }),
            Self::Manifest(_, None) => false,
        })
    }

    /// The location of reference `row`, empty if it has none.
    pub fn location(&self, row: usize) -> Result<String> {
        match self {
            Self::Table(rows) => {
                if let RowView::Virtual { source, .. } = rows.view(row) {
                    return Ok(rows.location(source));
                }
            }
            Self::Manifest(manifest, Some(refs)) => {
                if let StoredRef::Virtual { location, .. } = refs.stored(row)? {
                    return manifest.location(location);
                }
            }
            Self::Manifest(_, None) => {}
        }
        Ok(String::new())
    }

    /// Bytes of the payload of reference `row`, or more.
    fn payload_bytes(&self, row: usize) -> Result<u64> {
        Ok(match self {
            Self::Table(rows) => match rows.view(row) {
                RowView::Inline(data) => data.len(),
                RowView::Virtual { .. } => rows.longest_location(),
                RowView::Native { .. } | RowView::Deleted => 0,
            },
            Self::Manifest(_, Some(refs)) => match refs.stored(row)? {
                StoredRef::Inline(data) => data.len(),
                StoredRef::Virtual { location: StoredLocation::Plain(text), .. } => text.len(),
                StoredRef::Virtual { location: StoredLocation::Compressed(frame), .. } => frame.len().saturating_mul(4),
                StoredRef::Native { .. } => 0,
            },
            Self::Manifest(_, None) => 0,
        } as u64)
    }
}

struct Cutter<'a> {
    plan: &'a ArrayPlan,
    sources: &'a [OpenSource<'a>],
    limits: RunLimits,
    /// Whether bytes may matter, and not only numbers.
    by_bytes: bool,
    runs: Vec<Run>,
}

impl Cutter<'_> {
    fn bytes(&self, rows: Range<usize>) -> Result<u64> {
        if !self.by_bytes {
            return Ok(0);
        }
        let each = REF_BYTES + 4 * self.plan.ndim() as u64;
        let mut sum = 0_u64;
        for &(source, row) in self.plan.origins(rows) {
            let payload = match self.sources.get(source as usize) {
                Some(source) => source.payload_bytes(row as usize)?,
                None => 0,
            };
            sum = sum.saturating_add(each).saturating_add(payload);
        }
        Ok(sum)
    }

    fn close(&mut self, rows: Range<usize>) {
        if !rows.is_empty() {
            self.runs.push(Run { extents: self.plan.bounding_box(rows.clone()), rows });
        }
    }

    /// Cut rows that are equal before `axis`.
    fn cut(&mut self, rows: Range<usize>, axis: usize) -> Result<()> {
        let limits = self.limits;
        let bytes = self.bytes(rows.clone())?;
        if axis >= self.plan.ndim() || (rows.len() <= limits.most && bytes <= limits.bytes) {
            self.close(rows);
            return Ok(());
        }
        let parts = rows.len().div_ceil(limits.target.max(1)).max(1);
        let goal = rows.len().div_ceil(parts);
        let mut open = rows.start..rows.start;
        let mut open_bytes = 0_u64;
        while open.end < rows.end {
            let group = open.end..self.end_of_value(open.end, rows.end, axis);
            let group_bytes = self.bytes(group.clone())?;
            let full = open.len() + group.len() > limits.most || open_bytes.saturating_add(group_bytes) > limits.bytes;
            if full || open.len() >= goal {
                self.close(open.clone());
                open = group.start..group.start;
                open_bytes = 0;
            }
            if group.len() > limits.most || group_bytes > limits.bytes {
                self.cut(group.clone(), axis + 1)?;
                open = group.end..group.end;
                open_bytes = 0;
                continue;
            }
            open.end = group.end;
            open_bytes = open_bytes.saturating_add(group_bytes);
        }
        self.close(open);
        Ok(())
    }

    /// The first row from `from` on whose coordinate along `axis` is another.
    fn end_of_value(&self, from: usize, to: usize, axis: usize) -> usize {
        let value = |row: usize| self.plan.coords(row).get(axis).copied();
        let same = value(from);
        let (mut low, mut step) = (from + 1, 1_usize);
        while low < to {
            let probe = low.saturating_add(step).min(to);
            if value(probe - 1) != same {
                break;
            }
            low = probe;
            step = step.saturating_mul(2);
        }
        let mut high = low.saturating_add(step).min(to);
        while low < high {
            let middle = low.midpoint(high);
            if value(middle) == same { low = middle + 1 } else { high = middle }
        }
        low
    }
}
