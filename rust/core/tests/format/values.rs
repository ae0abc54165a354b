//! JSON values in their two encodings.

use frazil_core::format::{flexbuffer, msgpack, values};
use proptest::prelude::*;
use serde_json::{Value, json};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-200i64..200).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<f32>().prop_map(|narrow| Value::from(f64::from(narrow))),
        ".{0,8}".prop_map(Value::from),
        (250usize..260).prop_map(|length| Value::from("x".repeat(length))),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::vec(any::<i32>(), 0..6).prop_map(Value::from),
            proptest::collection::vec(any::<f32>(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map("[^\0]{0,6}", inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(crate::cases(500))]

    #[test]
    fn flexbuffers_round_trip(value in value()) {
        let data = flexbuffer::encode(&value).unwrap();
        prop_assert_eq!(flexbuffer::decode(&data).unwrap(), value.clone());
        let text = values::flexbuffer_to_json(&data).unwrap();
        prop_assert_eq!(values::json_to_flexbuffer(&text).unwrap(), data);
    }

    #[test]
    fn msgpack_round_trips(value in value()) {
        let data = msgpack::encode(&value).unwrap();
        prop_assert_eq!(msgpack::decode(&data).unwrap(), value.clone());
        let text = values::msgpack_to_json(&data).unwrap();
        prop_assert_eq!(values::json_to_msgpack(&text).unwrap(), data);
    }

    #[test]
    fn broken_values_are_errors(
        value in value(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        random in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        for mut data in [flexbuffer::encode(&value).unwrap(), msgpack::encode(&value).unwrap(), random] {
            let _ = (flexbuffer::decode(&data), msgpack::decode(&data));
            for (at, byte) in &changes {
                if !data.is_empty() {
                    let at = at.index(data.len());
                    data[at] = *byte;
                }
                let _ = (flexbuffer::decode(&data), msgpack::decode(&data));
            }
            data.truncate(cut.index(data.len() + 1));
            let _ = (flexbuffer::decode(&data), msgpack::decode(&data));
        }
    }
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

#[test]
fn depth_is_limited() {
    assert_eq!(flexbuffer::decode(&flexbuffer::encode(&nested(250)).unwrap()).unwrap(), nested(250));
    assert_eq!(msgpack::decode(&msgpack::encode(&nested(250)).unwrap()).unwrap(), nested(250));
    assert!(flexbuffer::encode(&nested(260)).is_err());
    assert!(msgpack::encode(&nested(260)).is_err());
    assert!(msgpack::decode(&[0x91; 1000]).is_err());
    assert!(values::json_to_msgpack(&"[".repeat(100_000)).is_err());
    // A vector whose only element is itself: one element, which is at offset 0.
    assert!(flexbuffer::decode(&[1, 0, 0x28, 2, 0x28, 1]).is_err());
}

#[test]
fn claimed_lengths_are_not_believed() {
    assert!(msgpack::decode(&[0xdd, 0xff, 0xff, 0xff, 0xff]).is_err());
    assert!(msgpack::decode(&[0xdf, 0xff, 0xff, 0xff, 0xff]).is_err());
    assert!(msgpack::decode(&[0xdb, 0xff, 0xff, 0xff, 0xff]).is_err());
    assert!(flexbuffer::decode(&[0xff, 0xff, 0xff, 0xff, 4, 0x2b, 1]).is_err());
    // Nulls take no room of their own, but their slots do.
    assert!(flexbuffer::decode(&[200, 0, 1, 0x28, 1]).is_err());
}

#[test]
fn shared_parts_do_not_explode() {
    // Each level is a vector of two offsets to the level before: 2^60 values in some hundred bytes.
    let mut data = vec![1, 1, 4];
    let mut last = 1;
    for _ in 0..60 {
        let start = data.len() + 1;
        data.push(2);
        for slot in 0..2 {
            data.push(u8::try_from(start + slot - last).unwrap());
        }
        data.extend([0x28, 0x28]);
        last = start;
    }
    let back = data.len() - last;
    data.extend([u8::try_from(back).unwrap(), 0x28, 1]);
    let error = flexbuffer::decode(&data).unwrap_err();
    assert!(error.message.contains("repeats"), "{}", error.message);
}

#[test]
fn what_only_readers_meet() {
    // Indirect integers, untyped; a blob; a typed vector of keys.
    assert_eq!(flexbuffer::decode(&[0xfb, 1, 0x18, 1]).unwrap(), json!(-5));
    assert_eq!(flexbuffer::decode(&[0x2c, 0x01, 2, 0x1d, 1]).unwrap(), json!(300));
    assert_eq!(flexbuffer::decode(&[2, 7, 9, 2, 0x64, 1]).unwrap(), json!([7, 9]));
    assert_eq!(flexbuffer::decode(&[b'a', 0, 1, 3, 1, 0x38, 1]).unwrap(), json!(["a"]));
    assert_eq!(msgpack::decode(&[0xc4, 2, 7, 255]).unwrap(), json!([7, 255]));
}

#[test]
fn numbers_that_json_cannot_say_are_null() {
    let infinite = [0, 0, 0x80, 0x7f, 0x0e, 4];
    assert_eq!(values::flexbuffer_to_json(&infinite).unwrap(), "null");
    assert_eq!(values::msgpack_to_json(&[0xca, 0x7f, 0xc0, 0, 0]).unwrap(), "null");
    assert!(values::json_to_flexbuffer("NaN").is_err());
}

#[test]
fn the_ends_of_the_integers_are_exact() {
    for text in ["18446744073709551615", "-9223372036854775808", "9223372036854775807", "0.1", "1e300", "5e-324"] {
        let flex = values::json_to_flexbuffer(text).unwrap();
        let back: Value = serde_json::from_str(&values::flexbuffer_to_json(&flex).unwrap()).unwrap();
        assert_eq!(back, serde_json::from_str::<Value>(text).unwrap());
        let pack = values::json_to_msgpack(text).unwrap();
        assert_eq!(values::msgpack_to_json(&pack).unwrap(), values::flexbuffer_to_json(&flex).unwrap());
    }
}
