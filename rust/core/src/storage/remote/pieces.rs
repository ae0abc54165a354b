//! Bodies of answers, put together.

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use http::response::Parts;
use http_body_util::BodyExt;
use object_store::client::{HttpError, HttpErrorKind, HttpResponse, HttpResponseBody};

/// What there is room for before anything has come.
const FIRST_ROOM: u64 = 1 << 20;

/// An answer has another length than it says.
#[derive(Debug, thiserror::Error)]
#[error("the answer has {got} bytes, not {said} as it says")]
struct WrongLength {
    got: u64,
    said: u64,
}

/// At most `most` bytes; None if there are more.
pub async fn at_most(mut body: HttpResponseBody, most: u64, expected: u64) -> Result<Option<Bytes>, HttpError> {
    let mut data = BytesMut::with_capacity(usize::try_from(expected.min(FIRST_ROOM)).unwrap_or(0));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error))?;
        let Ok(piece) = frame.into_data() else { continue };
        if (data.len() as u64).saturating_add(piece.len() as u64) > most {
            return Ok(None);
        }
        data.extend_from_slice(&piece);
    }
    Ok(Some(data.freeze()))
}

/// As many bytes as were announced.
pub async fn exactly(body: HttpResponseBody, said: u64) -> Result<Bytes, HttpError> {
    let wrong = |got| HttpError::new(HttpErrorKind::Interrupted, WrongLength { got, said });
    match at_most(body, said, said).await? {
        Some(data) if data.len() as u64 == said => Ok(data),
        Some(data) => Err(wrong(data.len() as u64)),
        None => Err(wrong(said.saturating_add(1))),
    }
}

/// An answer with this body, which says how long it is.
pub fn complete(mut parts: Parts, data: Bytes) -> HttpResponse {
    parts.headers.remove(TRANSFER_ENCODING);
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(data.len()));
    HttpResponse::from_parts(parts, data.into())
}
