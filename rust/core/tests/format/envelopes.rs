//! Headers and compression.

use frazil_core::ErrorKind;
use frazil_core::format::{FileType, Header, SpecVersion, envelope};
use proptest::prelude::*;

fn file(frames: &[u8]) -> Vec<u8> {
    let mut file = envelope::encode(b"", FileType::Snapshot, SpecVersion::V2, "w", 3).unwrap();
    file.truncate(39);
    file.extend_from_slice(frames);
    file
}

fn body(frames: &[u8]) -> frazil_core::Result<Vec<u8>> {
    envelope::decode(&file(frames), FileType::Snapshot).map(|(_, body)| body)
}

/// A frame that declares its size.
fn sized(data: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(data, 3).unwrap()
}

/// A frame that does not.
fn unsized_(data: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(data, 3).unwrap()
}

#[test]
fn the_header_is_as_the_format_says() {
    let file = envelope::encode(b"body", FileType::TransactionLog, SpecVersion::V2, "ic-2.3.0", 3).unwrap();
    assert_eq!(&file[..12], b"ICE\xf0\x9f\xa7\x8aCHUNK");
    assert_eq!(&file[12..36], b"ic-2.3.0                ");
    assert_eq!(&file[36..39], [2, 4, 1]);
    assert_eq!(&file[39..43], [0x28, 0xb5, 0x2f, 0xfd]);
    assert_eq!(zstd::zstd_safe::get_frame_content_size(&file[39..]).unwrap(), Some(4));
    let header = Header::read(&file).unwrap();
    assert_eq!((header.writer.as_str(), header.spec_version), ("ic-2.3.0", SpecVersion::V2));
}

#[test]
fn a_long_writer_is_cut() {
    let file = envelope::encode(b"", FileType::Manifest, SpecVersion::V1, &"x".repeat(30), 3).unwrap();
    assert_eq!(Header::read(&file).unwrap().writer, "x".repeat(24));
    assert_eq!(envelope::decode(&file, FileType::Manifest).unwrap().1, b"");
}

#[test]
fn any_bytes_may_be_the_writer() {
    let mut file = file(&sized(b"x"));
    file[12..16].copy_from_slice(b"\xff\x00a\xfe");
    assert!(Header::read(&file).unwrap().writer.contains('a'));
}

#[test]
fn what_is_refused_and_how() {
    let good = file(&sized(b"body"));
    let changed = |at: usize, byte: u8| {
        let mut file = good.clone();
        file[at] = byte;
        envelope::decode(&file, FileType::Snapshot).unwrap_err().kind
    };
    assert_eq!(envelope::decode(&good[..38], FileType::Snapshot).unwrap_err().kind, ErrorKind::InvalidFileFormat);
    assert_eq!(changed(0, b'i'), ErrorKind::InvalidFileFormat);
    assert_eq!(changed(36, 0), ErrorKind::UnsupportedSpecVersion);
    assert_eq!(changed(36, 3), ErrorKind::UnsupportedSpecVersion);
    for kind in [0, 2, 3, 4, 5, 6, 7] {
        assert_eq!(changed(37, kind), ErrorKind::InvalidFileFormat);
    }
    assert_eq!(changed(38, 0), ErrorKind::InvalidFileFormat);
    assert_eq!(changed(40, 0), ErrorKind::InvalidFileFormat);
}

#[test]
fn frames_with_and_without_size_and_several_of_them() {
    let (a, b) = (vec![b'a'; 300_000], (0..200_000u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    let both = [a.as_slice(), &b].concat();
    assert_eq!(body(&sized(&b)).unwrap(), b);
    assert_eq!(body(&unsized_(&b)).unwrap(), b);
    assert_eq!(body(&unsized_(b"")).unwrap(), b"");
    assert_eq!(body(&[unsized_(&a), unsized_(&b)].concat()).unwrap(), both);
    assert_eq!(body(&[sized(&a), sized(&b)].concat()).unwrap(), both);
    assert_eq!(body(&[sized(&a), unsized_(&b)].concat()).unwrap(), both);
}

#[test]
fn what_comes_after_the_frame_is_refused() {
    for frame in [sized(b"body"), unsized_(b"body"), sized(&[7; 300_000])] {
        for rest in [&b"x"[..], b"\0\0\0\0\0\0\0\0"] {
            assert!(body(&[&frame, rest].concat()).is_err());
        }
        for length in 0..frame.len() {
            assert!(body(&frame[..length]).is_err(), "cut to {length} of {}", frame.len());
        }
    }
}

#[test]
fn a_wrong_size_is_refused() {
    // Single segment, one byte of size: 28 b5 2f fd 20 <size>.
    let mut frame = sized(&[b'x'; 100]);
    assert_eq!((frame[4] & 0xe3, frame[5]), (0x20, 100));
    for size in [0, 99, 101, 255] {
        frame[5] = size;
        assert!(body(&frame).is_err(), "{size}");
    }
}

#[test]
fn a_declared_size_is_not_believed() {
    // 28 b5 2f fd, single segment with 8 bytes of size, then nothing of the sort.
    for size in [1u64 << 20, 1 << 30, (1 << 31) - 1, 1 << 31, 1 << 40, u64::MAX] {
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xe0];
        frame.extend(size.to_le_bytes());
        frame.extend([1, 0, 0]);
        assert!(body(&frame).is_err(), "{size}");
    }
}

#[test]
fn a_bomb_is_refused_and_honest_repetition_is_not() {
    let nothing = vec![0; 15 << 20];
    assert_eq!(body(&sized(&nothing)).unwrap(), nothing);
    // About 2,000 to 1: a number that counts up every 32 KiB.
    let mut counting = vec![0; 40 << 20];
    counting
        .chunks_mut(32 << 10)
        .zip(0u64..)
        .for_each(|(chunk, n)| chunk[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()));
    for frame in [sized(&counting), unsized_(&counting)] {
        assert!(counting.len() / frame.len() > 1500, "{}", counting.len() / frame.len());
        assert_eq!(body(&frame).unwrap(), counting);
    }
    // About 32,000 to 1, both with a declared size and without.
    let bomb = vec![0; 640 << 20];
    for frame in [sized(&bomb), unsized_(&bomb)] {
        assert!(frame.len() < 64 << 10);
        assert!(body(&frame).is_err());
    }
}

proptest! {
    #![proptest_config(crate::cases(300))]

    #[test]
    fn bodies_round_trip(data in proptest::collection::vec(any::<u8>(), 0..2000), level in -7i32..20) {
        let file = envelope::encode(&data, FileType::RepoInfo, SpecVersion::V2, "w", level).unwrap();
        let (header, back) = envelope::decode(&file, FileType::RepoInfo).unwrap();
        prop_assert_eq!((header.file_type, back), (FileType::RepoInfo, data));
    }

    #[test]
    fn broken_files_are_errors(data in proptest::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut frames = sized(&data);
        let at = at.index(frames.len());
        frames[at] = byte;
        let _ = body(&frames);
        let _ = envelope::decode(&data, FileType::Snapshot);
    }
}

#[test]
fn what_repeats_itself_without_end_can_be_read_again() {
    let endless = vec![0; 100 << 20];
    assert!(sized(&endless).len() * 4096 + (16 << 20) < endless.len());
    let file = envelope::encode(&endless, FileType::Snapshot, SpecVersion::V2, "w", 3).unwrap();
    assert_eq!(envelope::decode(&file, FileType::Snapshot).unwrap().1, endless);
}

#[test]
fn frames_to_be_skipped_are_refused() {
    let skipped = [&0x184d_2a50_u32.to_le_bytes()[..], &4u32.to_le_bytes(), b"pad."].concat();
    let frame = sized(b"body");
    for frames in [vec![&skipped, &frame], vec![&frame, &skipped], vec![&skipped], vec![&frame, &skipped, &frame]] {
        let error = body(&frames.into_iter().flatten().copied().collect::<Vec<u8>>()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidFileFormat);
    }
}
