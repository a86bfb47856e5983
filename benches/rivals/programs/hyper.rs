//! A reverse proxy of nothing but hyper: a current-thread runtime for each worker, bodies streamed, no check, no log.
//!
//! `rival-hyper LISTEN UPSTREAM WORKERS [--down CERTIFICATE KEY] [--up CA]`

mod arguments;

use arguments::Arguments;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONNECTION, HeaderName, TE, TRANSFER_ENCODING, UPGRADE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{LocalSet, spawn_local};
use tokio_rustls::{TlsAcceptor, TlsConnector};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn Error + Send + Sync>;

/// One worker: the listener, and the idle connections to the upstream.
struct Worker {
    arguments: Arc<Arguments>,
    acceptor: Option<TlsAcceptor>,
    connector: Option<TlsConnector>,
    idle: RefCell<Vec<SendRequest<Incoming>>>,
}

impl Worker {
    async fn serve(self: Rc<Self>) -> Result<(), Failure> {
        let listener = self.listen()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let worker = self.clone();
            spawn_local(async move {
                match worker.acceptor.clone() {
                    Some(acceptor) => match acceptor.accept(stream).await {
                        Ok(stream) => worker.serve_connection(stream).await,
                        Err(error) => eprintln!("TLS: {error}"),
                    },
                    None => worker.serve_connection(stream).await,
                }
            });
        }
    }

    /// Workers share the address; the kernel distributes connections.
    fn listen(&self) -> std::io::Result<TcpListener> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(true)?;
        socket.bind(self.arguments.listen)?;
        socket.listen(4096)
    }

    async fn serve_connection(self: Rc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin + 'static) {
        let service = service_fn(move |request| {
            let worker = self.clone();
            async move { worker.forward(request).await }
        });
        // the load closes its connections in the middle of requests
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn forward(&self, mut request: Request<Incoming>) -> Result<Response<Incoming>, Failure> {
        let mut sender = match self.take_idle() {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        remove_hop_by_hop(request.headers_mut());
        let mut response = sender.send_request(request).await?;
        // it is ready again when the response has been read
        self.idle.borrow_mut().push(sender);
        remove_hop_by_hop(response.headers_mut());
        Ok(response)
    }

    fn take_idle(&self) -> Option<SendRequest<Incoming>> {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|sender| !sender.is_closed());
        let position = idle.iter().rposition(SendRequest::is_ready)?;
        Some(idle.swap_remove(position))
    }

    async fn connect(&self) -> Result<SendRequest<Incoming>, Failure> {
        let stream = TcpStream::connect(self.arguments.upstream).await?;
        stream.set_nodelay(true)?;
        match &self.connector {
            Some(connector) => open(connector.connect(ServerName::try_from("localhost")?, stream).await?).await,
            None => open(stream).await,
        }
    }
}

async fn open(stream: impl AsyncRead + AsyncWrite + Unpin + 'static) -> Result<SendRequest<Incoming>, Failure> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    spawn_local(connection);
    Ok(sender)
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    for name in [CONNECTION, TE, TRANSFER_ENCODING, UPGRADE, HeaderName::from_static("keep-alive")] {
        headers.remove(name);
    }
}

fn acceptor(arguments: &Arguments) -> Result<Option<TlsAcceptor>, Failure> {
    let Some((certificate, key)) = &arguments.identity else { return Ok(None) };
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    let configuration = ServerConfig::builder().with_no_client_auth();
    let configuration = configuration.with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    Ok(Some(TlsAcceptor::from(Arc::new(configuration))))
}

fn connector(arguments: &Arguments) -> Result<Option<TlsConnector>, Failure> {
    let Some(ca) = &arguments.ca else { return Ok(None) };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca)?)?;
    let configuration = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(Some(TlsConnector::from(Arc::new(configuration))))
}

fn work(arguments: Arc<Arguments>) -> Result<(), Failure> {
    let (acceptor, connector) = (acceptor(&arguments)?, connector(&arguments)?);
    let worker = Rc::new(Worker { arguments, acceptor, connector, idle: RefCell::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, worker.serve())
}

fn main() -> Result<(), Failure> {
    arguments::install_crypto();
    let arguments = Arc::new(Arguments::parse().map_err(|error| error.to_string())?);
    let others = (1..arguments.workers).map(|_| {
        let arguments = arguments.clone();
        std::thread::spawn(move || work(arguments))
    });
    let others: Vec<_> = others.collect();
    work(arguments)?;
    for other in others {
        other.join().map_err(|_| "a worker panicked")??;
    }
    Ok(())
}
