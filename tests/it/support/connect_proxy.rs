//! An HTTP proxy that knows CONNECT alone, and records each request.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// The proxy. Dropping it ends it.
pub(crate) struct ConnectProxy {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    task: AbortHandle,
}

/// What it does about a request.
#[derive(Clone)]
enum Behavior {
    /// Opens a tunnel to this address, whatever the request names.
    Tunnel(SocketAddr),
    /// Writes these bytes, and waits for the client to close.
    Respond(Vec<u8>),
}

impl ConnectProxy {
    /// Tunnels to `destination`, whatever a request names.
    pub(crate) async fn to(destination: SocketAddr) -> Self {
        Self::start(Behavior::Tunnel(destination)).await
    }

    /// Responds to each request with these bytes.
    pub(crate) async fn responding(response: &str) -> Self {
        Self::start(Behavior::Respond(response.as_bytes().to_vec())).await
    }

    async fn start(behavior: Behavior) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, behavior.clone(), Arc::clone(&seen)));
            }
        });
        Self { address, requests, task: task.abort_handle() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The heads of all requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for ConnectProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, behavior: Behavior, seen: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    seen.lock().unwrap().push(String::from_utf8(head).unwrap());
    match behavior {
        Behavior::Tunnel(destination) => {
            let mut upstream = TcpStream::connect(destination).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut upstream).await;
        }
        Behavior::Respond(response) => {
            stream.write_all(&response).await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    }
}
