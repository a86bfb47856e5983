//! The arguments of both programs.

use std::error::Error;
use std::net::SocketAddr;

/// `LISTEN UPSTREAM WORKERS [--down CERTIFICATE KEY] [--up CA] [FILE]...`
pub(crate) struct Arguments {
    pub(crate) listen: SocketAddr,
    pub(crate) upstream: SocketAddr,
    pub(crate) workers: usize,
    /// The files with certificate and key, if clients connect by TLS.
    pub(crate) identity: Option<(String, String)>,
    /// The file with the authority of the upstream's certificate, if it is connected to by TLS.
    pub(crate) ca: Option<String>,
    pub(crate) rest: Vec<String>,
}

impl Arguments {
    /// Reads those of this process.
    pub(crate) fn parse() -> Result<Self, Box<dyn Error>> {
        let mut given = std::env::args().skip(1);
        let mut next = || given.next().ok_or("an argument is missing");
        let (listen, upstream, workers) = (next()?.parse()?, next()?.parse()?, next()?.parse()?);
        let mut arguments = Self { listen, upstream, workers, identity: None, ca: None, rest: Vec::new() };
        while let Ok(argument) = next() {
            match argument.as_str() {
                "--down" => arguments.identity = Some((next()?, next()?)),
                "--up" => arguments.ca = Some(next()?),
                _ => arguments.rest.push(argument),
            }
        }
        Ok(arguments)
    }
}

/// Names the gateway's provider for both programs: the features of their dependencies leave the choice open.
pub(crate) fn install_crypto() {
    // fails only if there is one already, which nothing before has set
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
