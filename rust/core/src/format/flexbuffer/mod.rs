//! JSON values as FlexBuffers (format section 4.2).

mod read;
mod types;
mod write;

pub use read::decode;
pub use write::encode;

#[cfg(test)]
mod tests {
    use super::{decode, encode};
    use serde_json::json;

    fn hex(data: &[u8]) -> String {
        data.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn writes_what_the_official_package_writes() {
        for (value, bytes) in [
            (json!(null), "00 00 01"),
            (json!(true), "01 68 01"),
            (json!(5), "05 08 01"),
            (json!(-5), "fb 04 01"),
            (json!(300), "2c 01 09 02"),
            (json!(2.5), "00 00 20 40 0e 04"),
            (json!(0.1), "9a 99 99 99 99 99 b9 3f 0f 08"),
            (json!("hey"), "03 68 65 79 00 04 14 01"),
            (json!([]), "00 00 28 01"),
            (json!({}), "00 00 01 00 00 24 01"),
            (json!([1]), "01 01 01 30 01"),
            (json!([1, 2]), "01 02 02 44 01"),
            (json!([1, 2, 3]), "01 02 03 03 50 01"),
            (json!([1, 2, 3, 4]), "01 02 03 04 04 5c 01"),
            (json!([1.5, 2.5]), "00 00 c0 3f 00 00 20 40 08 4a 01"),
            (json!([true, false]), "02 01 00 02 90 01"),
            (json!(["a", "b"]), "01 61 00 01 62 00 02 06 04 14 14 04 28 01"),
        ] {
            let written = encode(&value).unwrap();
            assert_eq!(hex(&written), bytes, "{value}");
            assert_eq!(decode(&written).unwrap(), value);
        }
    }
}
