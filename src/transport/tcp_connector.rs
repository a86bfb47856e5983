//! The connector of outgoing TCP connections.

use hyper_util::client::legacy::connect::HttpConnector;
use std::time::Duration;

/// Head start of the address family of the first address over the other one (RFC 8305 section 5).
const HAPPY_EYEBALLS: Duration = Duration::from_millis(300);

/// Time without traffic after which the kernel probes a connection, and the time between probes.
// shorter than the response timeout, so that a peer that vanished fails a waiting request before its deadline does
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Longest time for sent bytes to stay unacknowledged.
// the kernel's own default retransmits for about 15 minutes, in which the connection looks open
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// A connector to the addresses that `resolver` finds.
///
/// `connect_timeout` is shared out among the addresses of a family, so that a dead one leaves time for the next.
pub fn tcp_connector<R>(resolver: R, connect_timeout: Option<Duration>) -> HttpConnector<R> {
    let mut connector = HttpConnector::new_with_resolver(resolver);
    // TLS is ours, above this connection, so that the scheme does not matter here
    connector.enforce_http(false);
    connector.set_happy_eyeballs_timeout(Some(HAPPY_EYEBALLS));
    connector.set_connect_timeout(connect_timeout);
    connector.set_keepalive(Some(KEEP_ALIVE));
    connector.set_keepalive_interval(Some(KEEP_ALIVE));
    #[cfg(target_os = "linux")]
    connector.set_tcp_user_timeout(Some(USER_TIMEOUT));
    // Nagle's algorithm would hold a body back until its head is acknowledged
    connector.set_nodelay(true);
    connector
}
