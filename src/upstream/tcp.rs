//! TCP connections to the upstream, or to the proxy: to the first of its addresses that accepts one.

use super::addresses::AddressBook;
use super::error::Unreachable;
use crate::transport::connect_first;
use rustix::io::Errno;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// Connects to one of the addresses in `book`. Returns the connection and the address of the other end.
///
/// # Errors
///
/// [`Unreachable`], by what kept every address from being connected to.
pub(super) async fn connect(book: &AddressBook) -> Result<(TcpStream, SocketAddr), Unreachable> {
    let candidates = book.candidates().await?;
    let connected = connect_first(&candidates, |address| book.note_failure(address)).await;
    connected.map_err(|error| unreachable(&error))
}

/// Whether the error is that this process, or the system, has no free file descriptor.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE].iter().any(|code| error.raw_os_error() == Some(code.raw_os_error()))
}

/// The error of a connection that could not be opened.
pub(super) fn unreachable(error: &io::Error) -> Unreachable {
    match error.kind() {
        _ if is_out_of_descriptors(error) => Unreachable::NoDescriptor,
        io::ErrorKind::TimedOut => Unreachable::ConnectTimeout,
        _ => Unreachable::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpSocket};

    #[tokio::test]
    async fn an_address_that_fails_is_tried_last_the_next_time() {
        let live = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // bound and not listening: the port of a dropped listener may be another test's
        let closed = TcpSocket::new_v4().unwrap();
        closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let [live_address, refused] = [live.local_addr().unwrap(), closed.local_addr().unwrap()];
        let book = AddressBook::of_addresses(&[refused, live_address]);
        assert_eq!(connect(&book).await.unwrap().1, live_address);
        assert_eq!(book.candidates().await.unwrap(), [live_address, refused]);
        assert_eq!(connect(&AddressBook::of_addresses(&[refused])).await.map(drop), Err(Unreachable::Refused));
    }

    #[tokio::test]
    async fn a_name_without_an_address_is_named_as_the_reason() {
        let book = AddressBook::of_name("no-such-host.invalid", 80);
        assert_eq!(connect(&book).await.map(drop), Err(Unreachable::Name));
    }
}
