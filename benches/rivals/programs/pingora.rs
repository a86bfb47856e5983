//! pingora-proxy with the gateway's judge behind it: the whole body is read and judged before the upstream is connected to.
//!
//! `rival-pingora LISTEN UPSTREAM WORKERS POLICIES [--down CERTIFICATE KEY] [--up CA]`

mod arguments;

use arguments::Arguments;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use pingora_core::protocols::http::ServerSession as HttpSession;
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_core::server::Server;
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{Error, ErrorType, Result};
use pingora_proxy::{ProxyHttp, Session, http_proxy_service};
use portcullis::contract::credential::Environment;
use portcullis::contract::strictness::Strictness;
use portcullis::contract::{Contract, Routed};
use portcullis::judge::{Bundle, PolicyText, decide};
use portcullis::peer::Client;
use portcullis::policy::{Attributes, Instance};
use std::time::SystemTime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// pingora-proxy replays at most this much of a body that was read before; what is longer would never be sent.
const MOST_REPLAYED: usize = 64 * 1024;

struct JudgedProxy {
    bundle: Bundle,
    upstream: std::net::SocketAddr,
    is_secure: bool,
}

impl JudgedProxy {
    /// The reason to refuse a request with this body, if there is one.
    fn refusal(&self, session: &Session, body: Bytes) -> Option<&'static str> {
        let head = session.req_header();
        let (method, path) = (head.method.as_str(), head.uri.path());
        let version = head.headers.get("clerk-api-version").and_then(|value| value.to_str().ok());
        match self.bundle.route(method, path, version) {
            Routed::Operation(operation, parameters) => {
                let attributes = Attributes {
                    method,
                    path,
                    parameters: &parameters,
                    query: head.uri.query().unwrap_or_default(),
                    headers: &head.headers,
                    environment: Environment::Production,
                    key_fingerprint: None,
                    instance: &Instance::UNNAMED,
                    client: &Client::default(),
                    time: SystemTime::now(),
                };
                let judgement = decide(&self.bundle, &operation, &attributes, body, &mut ());
                judgement.verdict.err().map(|reason| reason.as_str())
            }
            Routed::Unknown if method == "GET" => None,
            _ => Some("operation_not_allowed"),
        }
    }
}

#[async_trait]
impl ProxyHttp for JudgedProxy {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn request_filter(&self, session: &mut Session, (): &mut ()) -> Result<bool> {
        let downstream = session.as_downstream_mut();
        // what is read here is kept by pingora-proxy, which sends it to the upstream later
        downstream.enable_retry_buffering();
        let mut body = BytesMut::new();
        while let Some(part) = downstream.read_request_body().await? {
            if body.len() + part.len() > MOST_REPLAYED {
                return Err(Error::new(ErrorType::HTTPStatus(413)));
            }
            body.extend_from_slice(&part);
        }
        let Some(reason) = self.refusal(session, body.freeze()) else { return Ok(false) };
        let text =
            format!(r#"{{"errors":[{{"code":"gateway_{reason}","message":"refused","long_message":"refused"}}]}}"#);
        // its responses to errors close the connection, which is not what the others are compared by
        let mut head = HttpSession::generate_error(422);
        head.set_content_length(text.len())?;
        session.write_response_header(Box::new(head), false).await?;
        session.write_response_body(Some(text.into()), true).await?;
        Ok(true)
    }

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> Result<Box<HttpPeer>> {
        let address = SocketAddr::Inet(self.upstream);
        Ok(Box::new(HttpPeer::new(address, self.is_secure, "localhost".to_owned())))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    arguments::install_crypto();
    let arguments = Arguments::parse()?;
    let configuration = ServerConf {
        threads: arguments.workers,
        // one runtime for each thread, as the gateway has
        work_stealing: false,
        ca_file: arguments.ca.clone(),
        upstream_keepalive_pool_size: 512,
        ..ServerConf::default()
    };
    let texts = arguments
        .rest
        .iter()
        .map(|file| std::fs::read_to_string(file).map(|text| PolicyText { file: file.into(), text }));
    let texts = texts.collect::<std::io::Result<Vec<_>>>()?;
    let bundle = Bundle::compile(Contract::built_in("2026-05-12")?, &texts, Strictness::default())?;
    let proxy = JudgedProxy { bundle, upstream: arguments.upstream, is_secure: arguments.ca.is_some() };

    let mut server = Server::new_with_opt_and_conf(None, configuration);
    server.bootstrap();
    let mut service = http_proxy_service(&server.configuration, proxy);
    match &arguments.identity {
        Some((certificate, key)) => service.add_tls(&arguments.listen.to_string(), certificate, key)?,
        None => service.add_tcp(&arguments.listen.to_string()),
    }
    server.add_service(service);
    server.run_forever()
}
