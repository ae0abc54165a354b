//! Codecs as the metadata of an array names them (Zarr format 3, and the extensions' own pages).

use serde_json::Value;

use super::blosc::Blosc;
use super::chain::{Chain, ElementKind};
use super::compression::Compression;
use super::gzip::Gzip;
use super::shard::{Sharding, WriteOrder};
use super::zstd::Zstd;
use crate::error::{Error, ErrorKind, Result};

/// Shards within shards within shards are somebody's joke.
const DEEPEST: usize = 8;

/// Inner chunks of a shard, whose index alone has 1 GiB then.
const MOST_CELLS: usize = 1 << 26;

fn unsupported(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::UnsupportedOperation, format!("no codec of ours: {what}"))
}

/// A codec by name, with its settings.
struct Codec<'a> {
    name: &'a str,
    settings: &'a Value,
}

impl<'a> Codec<'a> {
    fn new(value: &'a Value) -> Result<Self> {
        let name = value.as_str().or_else(|| value.get("name").and_then(Value::as_str));
        let name = name.ok_or_else(|| unsupported(value))?;
        Ok(Self { name, settings: value.get("configuration").unwrap_or(&Value::Null) })
    }

    fn missing(&self, key: &str) -> Error {
        unsupported(format!("{} without a usable `{key}`", self.name))
    }

    fn number<T: TryFrom<i64>>(&self, key: &str) -> Result<T> {
        let value = self.settings.get(key).and_then(Value::as_i64);
        value.and_then(|value| T::try_from(value).ok()).ok_or_else(|| self.missing(key))
    }

    fn text(&self, key: &str) -> Result<&'a str> {
        self.settings.get(key).and_then(Value::as_str).ok_or_else(|| self.missing(key))
    }

    fn numbers(&self, key: &str) -> Result<Vec<usize>> {
        let list = self.settings.get(key).and_then(Value::as_array).ok_or_else(|| self.missing(key))?;
        let numbers = list.iter().map(|value| value.as_u64().and_then(|value| usize::try_from(value).ok()));
        numbers.collect::<Option<_>>().ok_or_else(|| self.missing(key))
    }

    fn list(&self, key: &str) -> Result<&'a Value> {
        self.settings.get(key).ok_or_else(|| self.missing(key))
    }

    /// Whether `endian` says big; None without it.
    fn big_endian(&self) -> Result<Option<bool>> {
        match self.settings.get("endian").and_then(Value::as_str) {
            None => Ok(None),
            Some("little") => Ok(Some(false)),
            Some("big") => Ok(Some(true)),
            Some(_) => Err(self.missing("endian")),
        }
    }
}

/// Read `codecs`, a list as the metadata of an array has it (Zarr format 3), for chunks of `shape`.
///
/// # Errors
/// [`ErrorKind::UnsupportedOperation`] if a codec is not known here, or does what we do not do.
pub fn chain_from_json(codecs: &str, shape: &[usize], kind: &ElementKind) -> Result<Chain> {
    let list = serde_json::from_str(codecs)
        .map_err(|error| Error::new(ErrorKind::InvalidInput, format!("the list of codecs is no JSON: {error}")))?;
    nested_chain(&list, shape, kind, 0)
}

fn nested_chain(codecs: &Value, shape: &[usize], kind: &ElementKind, depth: usize) -> Result<Chain> {
    let list = codecs.as_array().filter(|_| depth < DEEPEST).ok_or_else(|| unsupported(codecs))?;
    let codecs: Vec<Codec<'_>> = list.iter().map(Codec::new).collect::<Result<_>>()?;
    let mut rest = codecs.iter().peekable();
    let mut order: Option<Vec<usize>> = None;
    while let Some(codec) = rest.next_if(|codec| codec.name == "transpose") {
        order = Some(transposed(order, &codec.numbers("order")?, shape.len()).ok_or_else(|| codec.missing("order"))?);
    }
    let mut chain = Chain::new(shape, kind, order)?;
    match rest.next() {
        Some(codec) if codec.name == "bytes" => {
            chain.swapped_unit = match codec.big_endian()? {
                None if kind.unit > 1 => return Err(codec.missing("endian")),
                Some(big_endian) if kind.unit > 1 && big_endian != kind.big_endian => kind.unit,
                _ => 1,
            };
        }
        Some(codec) if codec.name == "sharding_indexed" => {
            chain.sharding = Some(Box::new(sharding(codec, &chain.stored_shape(), kind, depth)?));
        }
        other => return Err(unsupported(other.map_or("nothing", |codec| codec.name))),
    }
    chain.compression = rest.map(compression).collect::<Result<_>>()?;
    Ok(chain)
}

/// One permutation after another.
fn transposed(before: Option<Vec<usize>>, order: &[usize], rank: usize) -> Option<Vec<usize>> {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..rank) {
        return None;
    }
    let before = before.unwrap_or_else(|| (0..rank).collect());
    order.iter().map(|&axis| before.get(axis).copied()).collect()
}

fn compression(codec: &Codec<'_>) -> Result<Compression> {
    match codec.name {
        "zstd" => Ok(Compression::Zstd(Zstd {
            level: codec.number("level")?,
            checksum: codec.settings.get("checksum").and_then(Value::as_bool).unwrap_or(false),
        })),
        "gzip" => Ok(Compression::Gzip(Gzip { level: codec.number("level")? })),
        "crc32c" => Ok(Compression::Crc32c),
        "blosc" => Blosc::new(
            codec.text("cname")?,
            codec.number("clevel")?,
            codec.text("shuffle")?,
            codec.number("typesize")?,
            codec.number("blocksize")?,
        )
        .map(Compression::Blosc)
        .ok_or_else(|| unsupported(codec.settings)),
        name => Err(unsupported(name)),
    }
}

fn sharding(codec: &Codec<'_>, shape: &[usize], kind: &ElementKind, depth: usize) -> Result<Sharding> {
    let inner_shape = codec.numbers("chunk_shape")?;
    let divides = inner_shape.len() == shape.len()
        && shape.iter().zip(&inner_shape).all(|(&outer, &inner)| inner > 0 && outer % inner == 0);
    if !divides {
        return Err(codec.missing("chunk_shape"));
    }
    let index: Vec<Codec<'_>> = match codec.list("index_codecs")?.as_array() {
        Some(list) => list.iter().map(Codec::new).collect::<Result<_>>()?,
        None => return Err(codec.missing("index_codecs")),
    };
    let (numbers, checksums) = index.split_first().ok_or_else(|| codec.missing("index_codecs"))?;
    let plain = numbers.name == "bytes" && checksums.iter().all(|codec| codec.name == "crc32c");
    let big_endian = numbers.big_endian()?.filter(|_| plain).ok_or_else(|| codec.missing("index_codecs"))?;
    let at_start = match codec.settings.get("index_location").and_then(Value::as_str) {
        None | Some("end") => false,
        Some("start") => true,
        Some(_) => return Err(codec.missing("index_location")),
    };
    // Not in the metadata of an array: the Python side adds it.
    let order = match codec.settings.get("subchunk_write_order").and_then(Value::as_str) {
        None | Some("morton") => WriteOrder::Morton,
        Some("lexicographic" | "unordered") => WriteOrder::Lexicographic,
        Some("colexicographic") => WriteOrder::Colexicographic,
        Some(_) => return Err(codec.missing("subchunk_write_order")),
    };
    let grid: Vec<usize> = shape.iter().zip(&inner_shape).map(|(outer, inner)| outer / inner).collect();
    if grid.iter().try_fold(1usize, |count, &cells| count.checked_mul(cells)).is_none_or(|count| count > MOST_CELLS) {
        return Err(codec.missing("chunk_shape"));
    }
    let inner = nested_chain(codec.list("codecs")?, &inner_shape, kind, depth + 1)?;
    Ok(Sharding { grid, inner, big_endian, checksums: checksums.len(), at_start, order })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::codec::fill::{Equality, Fill};

    fn read(codecs: &str, shape: &[usize]) -> Result<Chain> {
        let fill = Arc::new(Fill::new(&[0; 4], Equality::Bits).unwrap());
        chain_from_json(codecs, shape, &ElementKind { size: 4, unit: 4, big_endian: false, fill })
    }

    #[test]
    fn transposes_are_joined() {
        let codecs = r#"[{"name": "transpose", "configuration": {"order": [1, 2, 0]}},
                         {"name": "transpose", "configuration": {"order": [1, 0, 2]}},
                         {"name": "bytes", "configuration": {"endian": "big"}}]"#;
        let chain = read(codecs, &[2, 3, 5]).unwrap();
        assert_eq!(chain.order, Some(vec![2, 1, 0]));
        assert_eq!(chain.stored_shape(), [5, 3, 2]);
        assert_eq!(chain.strides, [4, 8, 24]);
        assert_eq!(chain.swapped_unit, 4);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for codecs in [
            "[]",
            "{}",
            r#"["bytes"]"#,
            r#"[{"name": "zstd", "configuration": {"level": 1}}]"#,
            r#"[{"name": "bytes", "configuration": {"endian": "middle"}}]"#,
            r#"[{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "bz2"}]"#,
            r#"[{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "zstd", "configuration": {"level": 1e9}}]"#,
            r#"[{"name": "transpose", "configuration": {"order": [0, 0]}}, {"name": "bytes"}]"#,
            r#"[{"name": "vlen-utf8"}]"#,
        ] {
            assert_eq!(read(codecs, &[2, 3]).unwrap_err().kind, ErrorKind::UnsupportedOperation, "{codecs}");
        }
        assert_eq!(read("[", &[2]).unwrap_err().kind, ErrorKind::InvalidInput);
        assert!(read(r#"[{"name": "bytes", "configuration": {"endian": "little"}}]"#, &[usize::MAX, 2]).is_err());
        let deep =
            (0..100).fold(r#"{"name": "bytes", "configuration": {"endian": "little"}}"#.to_owned(), |inner, _| {
                format!(
                    r#"{{"name": "sharding_indexed", "configuration": {{"chunk_shape": [1], "codecs": [{inner}],
                    "index_codecs": [{{"name": "bytes", "configuration": {{"endian": "little"}}}}]}}}}"#
                )
            });
        assert!(read(&format!("[{deep}]"), &[1]).is_err());
    }
}
