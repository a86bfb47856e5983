//! Reads a request's body into memory, within the bounds on its length, its time and the memory of all bodies.

use super::{media_type, refuse_unread};
use crate::budget::{Hold, prices};
use crate::gateway::call::Call;
use crate::gateway::gate::Gate;
use crate::gateway::refusal::Refusal;
use crate::reason::Reason;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::Body;
use pingora_timeout::timeout;
use std::error::Error;
use std::io;
use std::pin::Pin;

/// Why a body was not read to its end.
enum ReadError {
    /// It must not be read on.
    Refused(Reason),
    /// The client went away. What came so far must not be taken for the whole.
    BrokenOff,
    /// Its framing is invalid, so its end is unknown.
    Misframed,
}

impl ReadError {
    /// hyper reports both as an error of the connection; only the kind of the `io::Error` below distinguishes them.
    fn from_error(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
            if matches!(kind, Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)) {
                return Self::Misframed;
            }
            cause = error.source();
        }
        Self::BrokenOff
    }
}

/// The length that the head declares, in bytes. `None` if it declares none.
///
/// # Errors
///
/// The reason why such a body is not read: media type, content coding or length.
pub(super) fn expected_length(gate: &Gate, headers: &HeaderMap) -> Result<Option<usize>, Reason> {
    media_type::check(headers)?;
    let Some(length) = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok()) else {
        return Ok(None);
    };
    let length = usize::try_from(length).ok().filter(|length| *length <= gate.limits.body_bytes);
    length.map(Some).ok_or(Reason::BodyTooLarge)
}

/// Reads the body of `call` to its end, into `memory`, which grows as the body does. Empty if there is no memory for it.
///
/// # Errors
///
/// The refusal, if the body is too long, too slow, broken off, or there is no memory left for it.
pub(super) async fn read<B>(
    gate: &Gate,
    call: &mut Call<B>,
    memory: Option<Hold>,
) -> Result<(Bytes, Option<Hold>), Refusal>
where
    B: Body<Data = Bytes, Error: Error + 'static> + Unpin,
{
    let Some(mut memory) = memory else { return Ok((Bytes::new(), None)) };
    let mut received = 0;
    let collecting = collect(gate, call.request.body_mut(), &mut memory, &mut received);
    let collected = timeout(gate.limits.body_timeout, collecting).await;
    call.record.lock().request_bytes = Some(received as u64);
    match collected {
        Ok(Ok(body)) => Ok((body, Some(memory))),
        Ok(Err(ReadError::Refused(reason))) => Err(refuse_unread(call, reason).await),
        Ok(Err(ReadError::BrokenOff)) => Err(Refusal::broken_off()),
        Ok(Err(ReadError::Misframed)) => Err(Refusal::ambiguous(
            "the framing of the body is not valid",
            "end each chunk as its size has it, with CR and LF",
        )),
        Err(_) => Err(Refusal::of(Reason::BodyTimeout)),
    }
}

/// Collects a body. `received` is the number of bytes that arrived, also if the body is then refused.
async fn collect<B>(gate: &Gate, body: &mut B, memory: &mut Hold, received: &mut usize) -> Result<Bytes, ReadError>
where
    B: Body<Data = Bytes, Error: Error + 'static> + Unpin,
{
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        let frame = frame.map_err(|error| ReadError::from_error(&error))?;
        // trailers are neither judged nor forwarded
        let Ok(data) = frame.into_data() else { continue };
        *received = received.saturating_add(data.len());
        if *received > gate.limits.body_bytes {
            return Err(ReadError::Refused(Reason::BodyTooLarge));
        }
        if !memory.grow_to(prices::body(*received)) {
            return Err(ReadError::Refused(Reason::Overloaded));
        }
        // most bodies arrive in one frame, which is kept without a copy
        if first.is_empty() {
            first = data;
            continue;
        }
        if whole.is_empty() {
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&data);
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}
