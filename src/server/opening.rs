//! From a socket to a stream on which HTTP is spoken: sees what the client speaks, and does TLS's handshake.

use super::socket::{Opened, Socket, Spoken};
use super::tls::{self, Tls};
use crate::policy::Client;
use crate::telemetry::RefusedConnection;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::server::TlsStream;

/// What a browser or SDK gets that speaks HTTP where TLS is spoken.
const NOT_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 36\r\nconnection: close\r\n\r\nthis listener speaks https, not http";
/// What a client gets that speaks TLS where it is not spoken: a fatal alert, `handshake_failure` (RFC 8446 section 6).
const NOT_PLAIN: &[u8] = &[21, 3, 1, 0, 2, 2, 40];

/// Longest time, and most bytes, for which a refused client may go on before the connection is closed: closed at once
/// it would be reset, and the client might not read why.
const PARTING: (Duration, u64) = (Duration::from_secs(1), 64 * 1024);

/// A stream on which HTTP is spoken, and with whom.
pub(super) struct Open {
    pub(super) stream: Stream,
    pub(super) is_http2: bool,
    pub(super) client: Arc<Client>,
}

/// The stream itself.
pub(super) enum Stream {
    Plain(Opened),
    Tls(Box<TlsStream<Opened>>),
}

/// Why no stream came of a socket.
pub(super) enum Unopened {
    /// The client went away, or never said anything.
    Gone(io::Error),
    /// It is not served.
    Refused(RefusedConnection, io::Error),
}

/// Opens `socket`, on which TLS is spoken if `tls` says how, and nothing else then.
pub(super) async fn open(socket: Socket, tls: Option<Arc<Tls>>) -> Result<Open, Unopened> {
    let mut client = socket.client();
    let (spoken, opened) = socket.open().await.map_err(Unopened::Gone)?;
    let (stream, is_http2) = match (spoken, tls) {
        (Spoken::Tls, Some(tls)) => {
            let refused = |error| Unopened::Refused(RefusedConnection::Handshake, error);
            let stream = tls.acceptor().accept(opened).await.map_err(refused)?;
            let (_, connection) = stream.get_ref();
            client.certificate = tls::client_certificate(connection);
            let is_http2 = tls::is_http2(connection);
            (Stream::Tls(Box::new(stream)), is_http2)
        }
        (Spoken::Tls, None) => return Err(part(opened, NOT_PLAIN, RefusedConnection::TlsOnPlaintext).await),
        (_, Some(_)) => return Err(part(opened, NOT_TLS, RefusedConnection::PlaintextOnTls).await),
        (spoken, None) => (Stream::Plain(opened), spoken == Spoken::Http2),
    };
    Ok(Open { stream, is_http2, client: Arc::new(client) })
}

/// Says `last` to a client that is not served, in words that it understands.
async fn part(mut opened: Opened, last: &[u8], why: RefusedConnection) -> Unopened {
    let (time, bytes) = PARTING;
    let told = async {
        opened.write_all(last).await?;
        opened.shutdown().await?;
        tokio::io::copy(&mut opened.take(bytes), &mut tokio::io::sink()).await
    };
    // whether it listened makes no difference
    let _ = pingora_timeout::timeout(time, told).await;
    Unopened::Refused(why, io::ErrorKind::InvalidData.into())
}
