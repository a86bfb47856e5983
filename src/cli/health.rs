//! `portcullis health`: ask a running gateway whether it is well, for exec probes.

use super::admin_address::{AdminArgs, UnknownAddress};
use super::config_args::ConfigArgs;
use super::console;
use super::exit::{CommandError, Exit};
use clap::Args;
use std::io::{Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Longest time for the response; a probe that waits longer times out itself.
const DEADLINE: Duration = Duration::from_secs(2);

/// How much of a response is read at most, in bytes: its status line.
const LONGEST_HEAD: usize = 64;

#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    #[command(flatten)]
    admin: AdminArgs,
    /// Ask whether it is ready for requests, and not only whether it lives
    #[arg(long)]
    ready: bool,
}

/// Always ends in one line and 0 or 1, whatever is wrong with the gateway: that is all a probe can read.
pub(super) fn health(args: &HealthArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    let (path, well) = if args.ready { ("/readyz", "ready") } else { ("/livez", "live") };
    let unwell = |why: String| CommandError::Failed(format!("not {well}: {why}"));
    let address = args.admin.address(config).map_err(|unknown| match unknown {
        UnknownAddress::Off => unwell("the admin listener is `off`".to_owned()),
        // one line: the errors are for a person
        UnknownAddress::Configuration(_) => {
            unwell("the configuration is invalid; `portcullis check` lists the errors".to_owned())
        }
        UnknownAddress::NoAddress => unknown.into(),
    })?;
    match ask(address, path) {
        Ok(200) => {
            console::print(well)?;
            Ok(Exit::Ok)
        }
        Ok(status) => Err(unwell(format!("{path} on {address} responded with {status}"))),
        Err(error) if is_timeout(&error) => Err(unwell(format!("{address} did not respond within 2 s"))),
        Err(error) => Err(unwell(format!("{address} gave no response: {}", error.kind()))),
    }
}

/// Sends a GET, and returns the status of the response.
fn ask(address: SocketAddr, path: &str) -> Result<u16, Error> {
    let end = Instant::now() + DEADLINE;
    let mut stream = TcpStream::connect_timeout(&address, DEADLINE)?;
    stream.set_write_timeout(Some(DEADLINE))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes())?;
    let mut head = Vec::with_capacity(LONGEST_HEAD);
    let mut part = [0; LONGEST_HEAD];
    // only the status line is needed
    while head.len() < LONGEST_HEAD && !head.contains(&b'\n') {
        let left = end.saturating_duration_since(Instant::now());
        // zero is an error to `set_read_timeout`
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        match stream.read(&mut part)? {
            0 => break,
            read => head.extend_from_slice(part.get(..read).unwrap_or_default()),
        }
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
    }
    status_of(&head).ok_or_else(|| ErrorKind::InvalidData.into())
}

fn status_of(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head).ok()?;
    line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// A blocking socket's own timeout reads as `WouldBlock` on Unix.
fn is_timeout(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
}
