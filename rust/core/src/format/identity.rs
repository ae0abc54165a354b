//! Whether a file is the one that its name says.

use crate::{Error, ObjectId, ObjectId12, Result};

/// `found`, the id in a file that is stored by the name of `expected`; an error if they differ.
///
/// Whoever mixes files up, as when restoring a backup, gets an error and not another file's content.
pub(super) fn check(what: &str, expected: ObjectId12, found: [u8; 12]) -> Result<ObjectId12> {
    let found = ObjectId(found);
    if found == expected {
        return Ok(found);
    }
    Err(Error::format(format!(
        "the file of {what} {expected} says that it is {what} {found}: files were mixed up; put the right one back in its \
         place"
    )))
}
