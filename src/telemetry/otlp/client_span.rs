//! The CLIENT spans of a request: one for each attempt to call the upstream.

use super::protobuf::Message;
use super::span::{OtlpAttributes, Span};
use super::spans::{error, name, path};
use crate::config::gateway::UpstreamTarget;
use crate::telemetry::attribute_cache::{AttributeCache, SharedAttributes};
use crate::telemetry::record::error_type::ErrorType;
use crate::telemetry::record::{RequestRecord, UnsentAttempt, UpstreamCall};
use std::cell::RefCell;
use std::net::SocketAddr;

thread_local! {
    /// The shared part of CLIENT spans.
    static CACHE: RefCell<AttributeCache> = const { RefCell::new(AttributeCache::new()) };
}

/// Writes CLIENT spans. The built-in stand-in has no address.
#[derive(Clone, Debug)]
pub(super) struct ClientSpanWriter {
    address: Option<ServerAddress>,
}

#[derive(Clone, Debug)]
struct ServerAddress {
    /// Scheme, host, and port unless it is the scheme's default: the start of a URL.
    origin: Box<str>,
    /// Host and port as encoded attributes, which are the same for every span.
    attributes: Vec<u8>,
}

impl ClientSpanWriter {
    pub(super) fn new(upstream: &UpstreamTarget) -> Self {
        let address = match upstream {
            UpstreamTarget::Embedded => None,
            UpstreamTarget::Url { tls, host, port } => Some(ServerAddress::new(*tls, host, *port)),
            UpstreamTarget::Unix { path } => Some(ServerAddress::of_socket(&path.display().to_string())),
        };
        Self { address }
    }

    /// Writes the CLIENT span of `call`.
    pub(super) fn write(&self, span: &mut Span<'_, '_>, record: &RequestRecord, call: &UpstreamCall) {
        let shared = SharedAttributes::of(record);
        span.time(call.started, call.elapsed);
        span.append_shared(&CACHE, &shared, write_shared);
        let mut attributes = span.attributes();
        self.write_target(&mut attributes, &shared);
        own_attributes(&mut attributes, call);
        if let Some(why) = ErrorType::of_call(record, call) {
            error(span, why);
        }
    }

    /// Writes the CLIENT span of an attempt that was not sent.
    // It is not cached: this happens once for a closed connection.
    pub(super) fn write_unsent(&self, span: &mut Span<'_, '_>, record: &RequestRecord, unsent: &UnsentAttempt) {
        let shared = SharedAttributes::of(record);
        write_request(span, &shared);
        span.time(unsent.started, unsent.elapsed);
        let mut attributes = span.attributes();
        self.write_target(&mut attributes, &shared);
        write_peer(&mut attributes, unsent.peer, unsent.protocol_version);
        attributes.truth("portcullis.connection.reused", unsent.reused);
        attributes.text("error.type", unsent.cause.as_str());
        span.error();
    }

    /// Writes the upstream's attributes.
    fn write_target(&self, attributes: &mut OtlpAttributes<'_, '_>, shared: &SharedAttributes<'_>) {
        if let Some(address) = &self.address {
            attributes.concat("url.full", [&address.origin, path(shared)]);
            attributes.append_encoded(&address.attributes);
        }
    }
}

impl ServerAddress {
    fn new(tls: bool, host: &str, port: u16) -> Self {
        let (scheme, usual) = if tls { ("https", 443) } else { ("http", 80) };
        let host_in_url = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let port_in_url = if port == usual { String::new() } else { format!(":{port}") };
        let origin = format!("{scheme}://{host_in_url}{port_in_url}");
        Self::of_origin(origin, host, Some(port))
    }

    /// At a Unix socket, to which requests are sent with this authority.
    fn of_socket(path: &str) -> Self {
        Self::of_origin("http://localhost".to_owned(), path, None)
    }

    fn of_origin(origin: String, address: &str, port: Option<u16>) -> Self {
        let mut bytes = Vec::new();
        let mut message = Message::new(&mut bytes);
        let mut span = Span::of(&mut message);
        let mut attributes = span.attributes();
        attributes.text("server.address", address);
        if let Some(port) = port {
            attributes.number("server.port", u64::from(port));
        }
        Self { origin: origin.into(), attributes: bytes }
    }
}

/// Writes the part that many spans share.
fn write_shared(span: &mut Message<'_>, shared: &SharedAttributes<'_>) {
    let mut span = Span::of(span);
    write_request(&mut span, shared);
    let Some(call) = shared.key.call else { return };
    let mut attributes = span.attributes();
    write_peer(&mut attributes, call.peer, call.protocol_version);
    attributes.truth("portcullis.connection.reused", call.reused);
    if let Some(status) = call.status {
        attributes.number("http.response.status_code", u64::from(status));
    }
}

/// Writes the request's attributes.
fn write_request(span: &mut Span<'_, '_>, shared: &SharedAttributes<'_>) {
    name(span, shared);
    let mut attributes = span.attributes();
    attributes.text("http.request.method", shared.key.method);
    if let Some(operation) = shared.operation() {
        attributes.text("url.template", &operation.path);
    }
}

/// Writes the attributes of this call alone.
fn own_attributes(attributes: &mut OtlpAttributes<'_, '_>, call: &UpstreamCall) {
    if let Some(connect) = call.connect {
        attributes.seconds("portcullis.connection.duration", connect);
    }
    if let Some(tls) = call.tls {
        attributes.seconds("portcullis.connection.tls.duration", tls);
    }
    if let Some(id) = &call.ids.clerk_trace_id {
        attributes.text("clerk.trace_id", id.as_str());
    }
    if let Some(id) = &call.ids.cf_ray {
        attributes.text("cloudflare.ray_id", id.as_str());
    }
    if call.unsent.is_some() {
        attributes.number("http.request.resend_count", 1);
    }
}

/// Writes the connection's attributes.
fn write_peer(
    attributes: &mut OtlpAttributes<'_, '_>,
    peer: Option<SocketAddr>,
    protocol_version: Option<&'static str>,
) {
    if let Some(version) = protocol_version {
        attributes.text("network.protocol.version", version);
    }
    if let Some(peer) = peer {
        attributes.address("network.peer.address", peer.ip());
        attributes.number("network.peer.port", u64::from(peer.port()));
    }
}

#[cfg(test)]
mod tests {
    use super::ServerAddress;

    #[test]
    fn a_url_has_a_port_where_it_is_not_the_usual_one() {
        let origin = |tls, host, port| ServerAddress::new(tls, host, port).origin;
        assert_eq!(&*origin(true, "api.example.com", 8443), "https://api.example.com:8443");
        assert_eq!(&*origin(false, "::1", 80), "http://[::1]");
    }
}
