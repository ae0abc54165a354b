//! Whole batches of chunks between an array in memory and the store: look up, fetch, decode, and the other way round.

mod locate;
mod pack;
mod plan;
mod read;
mod write;

use bytes::Bytes;

use crate::chunk_reader::ChunkReader;
use crate::chunk_ref::ChunkRef;
use crate::codec::{Chain, Region};
use crate::error::Result;
use crate::storage::remote::label;

pub use read::read;
pub use write::{Naming, Upload, write};

/// Fetches the bytes of virtual chunks: whose they are and how to get them is not known here.
///
/// It is told what requests for each of them say of it, too.
pub type Foreign<'a> = dyn Fn(&[ChunkRef], Vec<String>) -> Result<Vec<Bytes>> + 'a;

/// Chunks of one array, each with the region of it that is read or written.
pub struct Batch<'a> {
    /// The path of the array, for what requests say of themselves.
    pub path: &'a str,
    /// Finds and reads the chunks.
    pub reader: &'a ChunkReader,
    /// Their codecs.
    pub chain: &'a Chain,
    /// Coordinates in the grid of chunks, one chunk after the other.
    pub coords: &'a [u32],
    /// The regions, in the same order.
    pub regions: &'a [Region],
}

impl Batch<'_> {
    /// The coordinates of a chunk of the batch.
    fn coords_of(&self, item: usize) -> &[u32] {
        let rank = self.chain.shape().len();
        self.coords.get(item * rank..(item + 1) * rank).unwrap_or_default()
    }

    /// What a request says that is for the chunks from `first` to `last` of the batch.
    fn label(&self, first: usize, last: usize) -> String {
        label::of_chunks(self.path, self.coords_of(first), self.coords_of(last))
    }

    /// How the coordinates of a chunk are told in errors.
    fn named(&self, operation: &str, item: usize) -> String {
        format!("{operation} coords={:?}", self.coords_of(item))
    }
}

/// Bytes of decoded chunks that justify one more thread, which takes some 50 microseconds to start.
const BYTES_A_THREAD: usize = 512 << 10;
/// The same where codecs compress, which take several times as long.
const COMPRESSED_BYTES_A_THREAD: usize = 64 << 10;

/// How many threads `count` chunks of `chain` are worth.
fn worthwhile_threads(chain: &Chain, count: usize) -> usize {
    let share = if chain.is_plain() { BYTES_A_THREAD } else { COMPRESSED_BYTES_A_THREAD };
    (chain.length().saturating_mul(count) / share).clamp(1, crate::codec::workers::cpus())
}
