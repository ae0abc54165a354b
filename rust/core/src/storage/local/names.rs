//! Names of ours in a directory that are not objects.

/// The file whose lock guards conditional writes, in the root.
pub const LOCK: &str = ".frazil-lock";

/// Start of the names of files that are not complete yet; what a crash leaves of them is garbage.
const TEMPORARY: &str = ".frazil-tmp-";

/// A fresh name for an incomplete file.
pub fn temporary() -> String {
    format!("{TEMPORARY}{:032x}", rand::random::<u128>())
}

/// Whether listings leave the file out.
pub fn is_hidden(name: &str) -> bool {
    name == LOCK || name.starts_with(TEMPORARY)
}

/// Whether a file of another program in this format is an incomplete one: `<name>#<number>`.
pub fn is_foreign_temporary(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}
