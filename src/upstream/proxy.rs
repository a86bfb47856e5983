//! The way to the upstream through a proxy.

use super::error::Unreachable;
use crate::transport::{ConnectTunnel, TunnelError};
use tokio::io::{AsyncRead, AsyncWrite};

/// Why there is no connection through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyFault {
    /// Its name has no address.
    #[error("has a name that could not be resolved")]
    Name,
    /// It does not accept connections.
    #[error("refuses connections")]
    Refused,
    /// It did not open a connection to the upstream in time.
    #[error("did not connect to the upstream within `upstream.connectTimeout`")]
    Timeout,
    /// It opened no tunnel.
    #[error(transparent)]
    Tunnel(#[from] TunnelError),
}

/// `error` of a connection that leads to a proxy.
pub(super) const fn of_proxy(error: Unreachable) -> Unreachable {
    match error {
        Unreachable::Name => Unreachable::Proxy(ProxyFault::Name),
        Unreachable::Refused => Unreachable::Proxy(ProxyFault::Refused),
        Unreachable::ConnectTimeout => Unreachable::Proxy(ProxyFault::Timeout),
        other => other,
    }
}

/// Opens a tunnel to the upstream over `stream`, which is connected to the proxy.
pub(super) async fn open_tunnel(
    tunnel: &ConnectTunnel,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> Result<(), Unreachable> {
    tunnel.open(stream).await.map_err(|error| Unreachable::Proxy(error.into()))
}
