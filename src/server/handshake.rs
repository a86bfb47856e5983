//! From a socket to a stream on which HTTP is protocol: sees what the client speaks, and does TLS's handshake.

use super::connection::Peer;
use super::head_guard::Bounds;
use super::socket::{PeekedStream, Protocol, Socket};
use super::tls::{self, ReloadableTls};
use crate::peer::Client;
use crate::peer::LocalEndpoint;
use crate::telemetry::RefusedConnection;
use pingora_timeout::timeout;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::server::TlsStream;

/// What a browser or SDK gets that speaks HTTP where TLS is protocol.
const NOT_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 36\r\nconnection: close\r\n\r\nthis listener speaks https, not http";
/// What a client gets that speaks TLS where it is not protocol: a fatal alert, `handshake_failure` (RFC 8446 section 6).
const NOT_PLAIN: &[u8] = &[21, 3, 1, 0, 2, 2, 40];

/// Longest time, and most bytes, for which a refused client may go on before the connection is closed: closed at once
/// it would be reset, and the client might not read why.
const PARTING: (Duration, u64) = (Duration::from_secs(1), 64 * 1024);

/// A stream on which HTTP is protocol, and with whom.
pub(super) struct OpenedConnection {
    pub(super) stream: HttpStream,
    pub(super) is_http2: bool,
    pub(super) peer: Peer,
}

/// The stream itself.
pub(super) enum HttpStream {
    Plain(PeekedStream),
    Tls(Box<TlsStream<PeekedStream>>),
}

/// Why no stream came of a socket.
pub(super) enum OpenError {
    /// The client went away, or said nothing while it might idle.
    Gone(io::Error),
    /// It is not served.
    Refused(RefusedConnection),
}

/// Opens `socket`, on which TLS is protocol if `tls` says how, and nothing else then. A client may idle before it begins;
/// what it begins, TLS's handshake or the bytes that tell what is protocol, has the time of a head.
pub(super) async fn open(
    socket: Socket,
    tls: Option<Arc<ReloadableTls>>,
    bounds: Bounds,
) -> Result<OpenedConnection, OpenError> {
    let peer = (socket.client(), socket.endpoint());
    let begun =
        timeout(bounds.stall, socket.begin()).await.map_err(|_| OpenError::Refused(RefusedConnection::Timeout))?;
    let begun = begun.map_err(OpenError::Gone)?;
    let opened = timeout(bounds.head_time, identify(begun, tls, peer)).await;
    opened.unwrap_or(Err(OpenError::Refused(RefusedConnection::Timeout)))
}

async fn identify(
    mut begun: PeekedStream,
    tls: Option<Arc<ReloadableTls>>,
    (mut client, mut endpoint): (Client, LocalEndpoint),
) -> Result<OpenedConnection, OpenError> {
    let protocol = begun.protocol().await.map_err(OpenError::Gone)?;
    let (stream, is_http2) = match (protocol, tls) {
        (Protocol::Tls, Some(tls)) => {
            let stream = tls.acceptor().accept(begun).await;
            let stream = stream.map_err(|_| OpenError::Refused(RefusedConnection::Handshake))?;
            let (_, connection) = stream.get_ref();
            client.certificate = tls::client_certificate(connection);
            endpoint.scheme = "https";
            let is_http2 = tls::is_http2(connection);
            (HttpStream::Tls(Box::new(stream)), is_http2)
        }
        (Protocol::Tls, None) => return Err(reject(begun, NOT_PLAIN, RefusedConnection::TlsOnPlaintext).await),
        (_, Some(_)) => return Err(reject(begun, NOT_TLS, RefusedConnection::PlaintextOnTls).await),
        (protocol, None) => (HttpStream::Plain(begun), protocol == Protocol::Http2),
    };
    Ok(OpenedConnection { stream, is_http2, peer: Peer { client: Arc::new(client), endpoint } })
}

/// Says `last` to a client that is not served, in words that it understands.
async fn reject(mut begun: PeekedStream, last: &[u8], why: RefusedConnection) -> OpenError {
    let (time, bytes) = PARTING;
    let told = async {
        begun.write_all(last).await?;
        begun.shutdown().await?;
        tokio::io::copy(&mut begun.take(bytes), &mut tokio::io::sink()).await
    };
    // whether it listened makes no difference
    let _ = timeout(time, told).await;
    OpenError::Refused(why)
}
