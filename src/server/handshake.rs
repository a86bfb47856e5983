//! Turns a socket into an HTTP stream: detects the client's protocol, and does the TLS handshake.

use super::connection::Peer;
use super::head_guard::Bounds;
use super::socket::{ClientProtocol, PeekedStream, Socket};
use super::tls::{self, ReloadableTls};
use crate::budget::{ClientKey, Hold, prices};
use crate::peer::Client;
use crate::peer::LocalEndpoint;
use crate::telemetry::{HandshakeRefusal, RefusedConnection};
use pingora_timeout::timeout;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::server::TlsStream;

/// The response to a client that speaks HTTP on a TLS listener.
const NOT_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 36\r\nconnection: close\r\n\r\nthis listener speaks https, not http";
/// The response to a client that speaks TLS on a plaintext listener: a fatal alert, `handshake_failure` (RFC 8446 section 6).
const NOT_PLAIN: &[u8] = &[21, 3, 1, 0, 2, 2, 40];

/// Longest time, and most bytes, for which a rejected client may go on sending before the connection is closed.
// closed at once, the connection would be reset, and the client might not read the response
const PARTING: (Duration, u64) = (Duration::from_secs(1), 64 * 1024);

/// A stream that is ready for HTTP, with its two ends.
pub(super) struct OpenedConnection {
    pub(super) stream: HttpStream,
    pub(super) is_http2: bool,
    pub(super) peer: Peer,
    pub(super) hold: Hold,
    /// Longest time for which the client's certificate still is valid. `None` without one.
    pub(super) valid_for: Option<Duration>,
}

/// The stream itself, with or without TLS.
pub(super) enum HttpStream {
    Plain(PeekedStream),
    Tls(Box<TlsStream<PeekedStream>>),
}

/// Why a socket did not become a stream.
pub(super) enum OpenError {
    /// The client closed before it sent anything.
    Gone(io::Error),
    /// There is no memory for it, or the client sent nothing in time.
    Refused(RefusedConnection),
    /// The client sent something that the listener does not accept: an invalid handshake, or too slow a one.
    Handshake(HandshakeRefusal),
}

/// Opens `socket`, with TLS if there is a configuration for it.
// two deadlines: a client may idle before its first byte, but a handshake that has begun gets no more time than a head
pub(super) async fn open(
    socket: Socket,
    tls: Option<Arc<ReloadableTls>>,
    hold: Hold,
    bounds: Bounds,
) -> Result<OpenedConnection, OpenError> {
    let peer = (socket.client(), socket.endpoint());
    let begun =
        timeout(bounds.idle, socket.begin()).await.map_err(|_| OpenError::Refused(RefusedConnection::Timeout))?;
    let begun = begun.map_err(OpenError::Gone)?;
    let late = match tls {
        Some(_) => OpenError::Handshake(HandshakeRefusal::Timeout),
        None => OpenError::Refused(RefusedConnection::Timeout),
    };
    timeout(bounds.head_time, identify(begun, tls, hold, peer)).await.unwrap_or(Err(late))
}

async fn identify(
    mut begun: PeekedStream,
    tls: Option<Arc<ReloadableTls>>,
    mut hold: Hold,
    (mut client, mut endpoint): (Client, LocalEndpoint),
) -> Result<OpenedConnection, OpenError> {
    let protocol = begun.protocol().await.map_err(OpenError::Gone)?;
    let mut valid_for = None;
    let (stream, is_http2) = match (protocol, tls) {
        (ClientProtocol::Tls, Some(tls)) => {
            pay(&mut hold, prices::TLS_SESSION)?;
            let stream = tls.acceptor().accept(begun).await;
            let stream = stream.map_err(|error| OpenError::Handshake(refusal(&error)))?;
            let (_, connection) = stream.get_ref();
            client.certificate = tls::client_certificate(connection);
            valid_for = tls::client_certificate_end(connection).map(time_until);
            endpoint.scheme = "https";
            let is_http2 = tls::is_http2(connection);
            (HttpStream::Tls(Box::new(stream)), is_http2)
        }
        (ClientProtocol::Tls, None) => return Err(reject(begun, NOT_PLAIN, HandshakeRefusal::TlsOnPlaintext).await),
        (_, Some(_)) => return Err(reject(begun, NOT_TLS, HandshakeRefusal::PlaintextOnTls).await),
        (protocol, None) => (HttpStream::Plain(begun), protocol == ClientProtocol::Http2),
    };
    if let Some(workload) = client.certificate.as_ref().and_then(|certificate| certificate.spiffe_id.clone()) {
        let account = hold.account().budget().account(ClientKey::Workload(workload));
        if !hold.move_to(&account) {
            return Err(OpenError::Refused(RefusedConnection::Overloaded));
        }
    }
    if is_http2 {
        pay(&mut hold, prices::HTTP2_SESSION)?;
    }
    let peer = Peer { client: Arc::new(client), account: Arc::clone(hold.account()), endpoint };
    Ok(OpenedConnection { stream, is_http2, peer, hold, valid_for })
}

/// The time until `end`, in seconds since 1970.
fn time_until(end: i64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::from_secs(u64::try_from(end).unwrap_or_default()).saturating_sub(now)
}

/// Grows `hold` by `more`, the price of a session.
fn pay(hold: &mut Hold, more: usize) -> Result<(), OpenError> {
    let fits = hold.grow_to(hold.bytes() + more);
    if fits { Ok(()) } else { Err(OpenError::Refused(RefusedConnection::Overloaded)) }
}

/// Sends `last` to a client that is not served, in its own protocol, and closes.
async fn reject(mut begun: PeekedStream, last: &[u8], why: HandshakeRefusal) -> OpenError {
    let (time, bytes) = PARTING;
    let parting = async {
        begun.write_all(last).await?;
        begun.shutdown().await?;
        tokio::io::copy(&mut begun.take(bytes), &mut tokio::io::sink()).await
    };
    // the connection closes either way
    let _ = timeout(time, parting).await;
    OpenError::Handshake(why)
}

/// Why the handshake failed, by the error of rustls in `error`.
fn refusal(error: &io::Error) -> HandshakeRefusal {
    use rustls::{CertificateError as Fault, Error};
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        None => HandshakeRefusal::Closed,
        Some(Error::NoCertificatesPresented) => HandshakeRefusal::NoClientCertificate,
        Some(Error::InvalidCertificate(fault)) => match fault {
            // rustls reports an authority of the same name with another key as a bad signature
            Fault::UnknownIssuer | Fault::BadSignature => HandshakeRefusal::UnknownAuthority,
            Fault::Expired | Fault::ExpiredContext { .. } => HandshakeRefusal::Expired,
            Fault::NotValidYet | Fault::NotValidYetContext { .. } => HandshakeRefusal::NotYetValid,
            Fault::Revoked => HandshakeRefusal::Revoked,
            Fault::UnknownRevocationStatus
            | Fault::ExpiredRevocationList
            | Fault::ExpiredRevocationListContext { .. } => HandshakeRefusal::UnknownRevocation,
            _ => HandshakeRefusal::InvalidCertificate,
        },
        Some(Error::AlertReceived(_)) => HandshakeRefusal::ClientAlert,
        Some(Error::PeerIncompatible(_) | Error::NoApplicationProtocol) => HandshakeRefusal::NoCommonProtocol,
        Some(_) => HandshakeRefusal::Malformed,
    }
}
