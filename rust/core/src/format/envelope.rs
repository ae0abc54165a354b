//! The header and compression that every metadata file shares (format section 2).

use zstd::zstd_safe::{CCtx, CParameter, DCtx, InBuffer, OutBuffer, Strategy};

use super::frames;
use crate::{Error, ErrorKind, Result};

const MAGIC: &[u8; 12] = b"ICE\xf0\x9f\xa7\x8aCHUNK";
const WRITER_LENGTH: usize = 24;
const HEADER_LENGTH: usize = 39;

/// The one compression that files may have.
pub const COMPRESSION_ZSTD: u8 = 1;

/// FlatBuffers cannot address more.
pub const MAX_BODY: usize = (1 << 31) - 1;

// Zip bombs: a body may be this much, and this many times its compressed size more.  zstd stops at about 32,000 to 1 and
// real metadata at some hundreds to 1, so neither bound is met by an honest writer.
const BODY_ALLOWANCE: usize = 16 << 20;
const BODY_RATIO: usize = 4096;

// What a file may claim to hold before any of it was seen; more is only given to what proves to need it.
const TRUSTED_ALLOWANCE: usize = 1 << 20;
const TRUSTED_RATIO: usize = 16;

// The level that writers use if none is configured, and zstd too.
const DEFAULT_LEVEL: i32 = 3;

// The references of a manifest are alike, and few bytes apart.  In these the simplest search, in a table that stays in
// the nearest cache, finds within some percent what the level's own does, in half of the time.
const RECORDS: [CParameter; 3] =
    [CParameter::Strategy(Strategy::ZSTD_fast), CParameter::HashLog(13), CParameter::MinMatch(5)];

/// What a metadata file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FileType {
    /// The hierarchy of one version.
    Snapshot = 1,
    /// Chunk references.
    Manifest = 2,
    /// What one commit changed.
    TransactionLog = 4,
    /// Branches, tags and history of a repository.
    RepoInfo = 6,
}

impl FileType {
    fn from_byte(byte: u8) -> Result<Self> {
        match byte {
            1 => Ok(Self::Snapshot),
            2 => Ok(Self::Manifest),
            4 => Ok(Self::TransactionLog),
            6 => Ok(Self::RepoInfo),
            other => Err(Error::format(format!("{other} is not the type of a metadata file"))),
        }
    }
}

/// Version of the format that a file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum SpecVersion {
    /// Icechunk 1.x.
    V1 = 1,
    /// Icechunk 2.x.
    V2 = 2,
}

impl SpecVersion {
    /// The version of a number, an error that tells to upgrade if it is not known.
    pub fn from_number(number: u8) -> Result<Self> {
        match number {
            1 => Ok(Self::V1),
            2 => Ok(Self::V2),
            other => Err(Error::new(
                ErrorKind::UnsupportedSpecVersion,
                format!(
                    "this is version {other} of the format, 1 and 2 are supported; upgrade to a newer release to use it"
                ),
            )),
        }
    }
}

/// The first bytes of a metadata file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Name and version of the software that wrote it, as text, for information.
    pub writer: String,
    /// Selects the encoding of snapshot metadata.
    pub spec_version: SpecVersion,
    /// What the body is.
    pub file_type: FileType,
}

impl Header {
    /// The header of `data`.
    pub fn read(data: &[u8]) -> Result<Self> {
        Self::split(data).map(|(header, _)| header)
    }

    fn split(data: &[u8]) -> Result<(Self, &[u8])> {
        let short =
            || Error::format(format!("a metadata file has at least {HEADER_LENGTH} bytes, this has {}", data.len()));
        let (magic, rest) = data.split_first_chunk::<{ MAGIC.len() }>().ok_or_else(short)?;
        let (writer, rest) = rest.split_first_chunk::<WRITER_LENGTH>().ok_or_else(short)?;
        let (&[spec, kind, compression], body) = rest.split_first_chunk::<3>().ok_or_else(short)?;
        if magic != MAGIC {
            return Err(Error::format("this is not a metadata file: it starts with other bytes than they do"));
        }
        let spec_version = SpecVersion::from_number(spec)?;
        let file_type = FileType::from_byte(kind)?;
        if compression != COMPRESSION_ZSTD {
            return Err(Error::format(format!("{compression} is not a compression that metadata files may have")));
        }
        let writer = String::from_utf8_lossy(writer).trim_end_matches([' ', '\0']).to_owned();
        Ok((Self { writer, spec_version, file_type }, body))
    }
}

/// The header and the decompressed body of a file of type `expected`.
pub fn decode(data: &[u8], expected: FileType) -> Result<(Header, Vec<u8>)> {
    let (header, body) = Header::split(data)?;
    if header.file_type != expected {
        return Err(Error::format(format!("this is a {:?}, not a {expected:?}", header.file_type)));
    }
    Ok((header, decompress(body)?))
}

/// A file with this body.  `writer` is cut to 24 bytes.
pub fn encode(
    body: &[u8],
    file_type: FileType,
    spec_version: SpecVersion,
    writer: &str,
    level: i32,
) -> Result<Vec<u8>> {
    let failed = |code| Error::new(ErrorKind::Serialization, format!("zstd cannot compress: {}", reason(code)));
    if body.len() > MAX_BODY {
        return Err(too_large());
    }
    let mut context = CCtx::create();
    context.set_parameter(CParameter::CompressionLevel(level)).map_err(failed)?;
    if file_type == FileType::Manifest && level == DEFAULT_LEVEL {
        for parameter in RECORDS {
            context.set_parameter(parameter).map_err(failed)?;
        }
    }
    let mut file = Vec::with_capacity(HEADER_LENGTH + zstd::zstd_safe::compress_bound(body.len()));
    file.extend_from_slice(MAGIC);
    file.extend(writer.bytes().chain(std::iter::repeat(b' ')).take(WRITER_LENGTH));
    file.extend([spec_version as u8, file_type as u8, COMPRESSION_ZSTD]);
    let mut out = OutBuffer::around_pos(&mut file, HEADER_LENGTH);
    let mut input = InBuffer::around(body);
    context.set_pledged_src_size(Some(body.len() as u64)).map_err(failed)?;
    let left = context
        .compress_stream2(&mut out, &mut input, zstd::zstd_safe::zstd_sys::ZSTD_EndDirective::ZSTD_e_end)
        .map_err(failed)?;
    if left != 0 {
        return Err(Error::new(ErrorKind::Internal, "zstd needs more room than it said it would"));
    }
    if body.len() > body_limit(file.len() - HEADER_LENGTH) {
        // Nobody would believe it, and we would not read it: something repeats itself without end.
        file.truncate(HEADER_LENGTH);
        frames::store(body, &mut file);
    }
    file.shrink_to_fit();
    Ok(file)
}

/// The error of a body that FlatBuffers cannot hold.
pub(crate) fn too_large() -> Error {
    Error::new(
        ErrorKind::Serialization,
        "this is more than readers accept in one metadata file (2 GiB); split the manifest into smaller ones",
    )
}

fn reason(code: usize) -> &'static str {
    zstd::zstd_safe::get_error_name(code)
}

/// All frames of `data`, which must end with the last.
///
/// Takes no more memory than what comes out, four times as much address space, and no window beside it: frames are
/// decompressed at once, into more room if the first was too small.
fn decompress(data: &[u8]) -> Result<Vec<u8>> {
    let declared = frames::declared(data)?;
    let most = frames::most(data)?.min(declared.unwrap_or(u64::MAX));
    let limit = body_limit(data.len());
    let trusted = data.len().saturating_mul(TRUSTED_RATIO).saturating_add(TRUSTED_ALLOWANCE);
    if declared.is_some_and(|size| size > limit as u64) {
        return Err(Error::format("the body claims to be far larger than its compressed size allows"));
    }
    let last = usize::try_from(most).unwrap_or(usize::MAX).min(limit);
    let mut capacity = trusted.min(last);
    loop {
        let mut body = reserve(Vec::new(), capacity)?;
        match DCtx::create().decompress(&mut body, data) {
            Ok(_) => {
                body.shrink_to_fit();
                return Ok(body);
            }
            Err(code) if !is_too_small(code) => {
                return Err(Error::format(format!("the body cannot be decompressed: {}", reason(code))));
            }
            Err(_) if capacity >= last => {
                return Err(Error::format("the body is far larger than its compressed size allows"));
            }
            Err(_) => capacity = capacity.saturating_mul(4).min(last),
        }
    }
}

/// The longest body that a file with this many compressed bytes may have.
fn body_limit(compressed: usize) -> usize {
    compressed.saturating_mul(BODY_RATIO).saturating_add(BODY_ALLOWANCE).min(MAX_BODY)
}

/// Whether zstd had too little room.
fn is_too_small(code: usize) -> bool {
    code.wrapping_neg() == zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode::ZSTD_error_dstSize_tooSmall as usize
}

fn reserve(mut buffer: Vec<u8>, more: usize) -> Result<Vec<u8>> {
    buffer
        .try_reserve_exact(more)
        .map_err(|_| Error::format(format!("there is no memory for the {more} bytes that the body says it has")))?;
    Ok(buffer)
}
