//! `portcullis health`: ask a running gateway whether it is well, for exec probes.

use super::config_args::ConfigArgs;
use super::console;
use super::exit::{CommandError, Exit};
use crate::config::DEFAULT_ADMIN_LISTEN;
use clap::Args;
use std::io::{Error, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Longest time for the response; a probe that waits longer times out itself.
const DEADLINE: Duration = Duration::from_secs(2);

/// How much of a response is read at most, in bytes: its status line.
const LONGEST_HEAD: usize = 64;

#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    /// Address of the gateway's admin listener, in place of the file's `admin.listen`
    #[arg(long, value_name = "ADDRESS", env = "PORTCULLIS_ADMIN_LISTEN", hide_env_values = true)]
    admin_listen: Option<String>,
    /// Ask whether it is ready for requests, and not only whether it lives
    #[arg(long)]
    ready: bool,
}

/// Always ends in one line and 0 or 1, whatever is wrong with the gateway: that is all a probe can read.
pub(super) fn health(args: &HealthArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    let (path, well) = if args.ready { ("/readyz", "ready") } else { ("/livez", "live") };
    let unwell = |why: String| CommandError::Failed(format!("not {well}: {why}"));
    let address = reachable(admin_address(args, config, &unwell)?);
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

/// From flag or variable, else from the configuration that is named, else the default.
fn admin_address(
    args: &HealthArgs,
    config: &ConfigArgs,
    unwell: &dyn Fn(String) -> CommandError,
) -> Result<SocketAddr, CommandError> {
    let off = || unwell("the admin listener is `off`".to_owned());
    match (&args.admin_listen, config.file()) {
        (Some(address), _) if address == "off" => Err(off()),
        (Some(address), _) => address
            .parse()
            .map_err(|_| CommandError::Usage("`--admin-listen` must be an IP address and a port".to_owned())),
        (None, None) => DEFAULT_ADMIN_LISTEN.parse().map_err(|_| unwell("the default address is wrong".to_owned())),
        (None, Some(_)) => match config.load() {
            Ok(configuration) => configuration.gateway.admin.ok_or_else(off),
            Err(_) => Err(unwell("the configuration is invalid; `portcullis check` lists the errors".to_owned())),
        },
    }
}

/// A listener on every address is asked on loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        // an address to bind to, not one to connect to (RFC 1122 section 3.2.1.3)
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
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
