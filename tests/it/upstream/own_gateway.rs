//! An upstream that leads back to the gateway: an error, not a loop.

use crate::support::proxy::upstream_settings;
use crate::support::recorder::Recorder;
use bytes::Bytes;
use http::Request;
use portcullis::upstream::{Origin, Unreachable, UpstreamBody, UpstreamClient, UpstreamConnector, UpstreamError};

#[tokio::test]
async fn a_connection_to_an_own_listener_is_not_used() {
    let listener = Recorder::answering(200, "{}").await;
    let address = listener.address();
    // by a name, which only the connection shows to be this address
    let origin = Origin::new(false, "localhost", address.port()).unwrap();
    for (listeners, is_own) in [(vec![address], true), (vec![([127, 0, 0, 2], address.port()).into()], false)] {
        let connector = UpstreamConnector::new(origin.clone(), &upstream_settings()).unwrap().beside(listeners);
        let request = Request::get("/v1/users").body(UpstreamBody::Buffered(Bytes::new().into())).unwrap();
        let result = UpstreamClient::new(connector).send(request).await;
        let expected = is_own.then_some(UpstreamError::Unreachable(Unreachable::Itself));
        assert_eq!(result.err().map(|(error, _)| error), expected);
    }
    assert_eq!(listener.seen(), 1);
}
