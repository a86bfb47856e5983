//! What connections and requests take of the memory budget, in bytes.
//!
//! Prices are estimates that lean upwards, from the sizes of the buffers that `server` and `upstream` configure for hyper and h2.
//! The tests in `tests/it/server/memory.rs` hold them: under each attack, resident memory stays near the budget.

// The kernel's socket buffers are not in here: they are no resident memory of the process. A container's limit counts them, too,
// which is one reason why the default budget is half of it.

/// A connection: its task, and hyper's first buffers.
pub const CONNECTION: usize = 20 * 1024;

/// A TLS session on a connection, with its record buffers.
pub const TLS_SESSION: usize = 28 * 1024;

/// HTTP/2 on a connection: the buffers of its frames, and both HPACK tables.
pub const HTTP2_SESSION: usize = 36 * 1024;

/// A request on its way through the layers, without head and body.
pub const REQUEST: usize = 12 * 1024;

/// A field of a head: its place in the header map, which is up to half empty.
pub const FIELD: usize = 224;

/// A body of a request that has not been read yet, unless its declared length is less: what hyper or an HTTP/2 window holds of it.
pub const UNREAD_BODY: usize = 64 * 1024;

/// A response under way: what is received of it before the client reads, which is a window of HTTP/2, and a copied piece.
pub const RESPONSE: usize = 80 * 1024;

/// A value of a parsed body: its node, which is in a list that doubles as it grows, and its text.
pub const VALUE: usize = 112;

/// The price of a body of `bytes`, received.
// a body that arrives in pieces is collected in a buffer that doubles as it grows
pub const fn body(bytes: usize) -> usize {
    bytes.saturating_mul(2)
}

/// The price of a body of `bytes` with the values that it can be parsed to: a value for each two bytes, as in `[1,1,1]`.
pub const fn body_with_values(bytes: usize) -> usize {
    body(bytes).saturating_add(bytes).saturating_add((bytes / 2 + 1).saturating_mul(VALUE))
}
