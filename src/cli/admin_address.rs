//! Where the admin listener of a running gateway is: by flag, variable, configuration or default.

use super::config_args::ConfigArgs;
use super::exit::CommandError;
use crate::config::DEFAULT_ADMIN_LISTEN;
use clap::Args;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

#[derive(Debug, Args)]
pub(super) struct AdminArgs {
    /// Address of the gateway's admin listener, in place of the file's `admin.listen`
    #[arg(long, value_name = "ADDRESS", env = "PORTCULLIS_ADMIN_LISTEN", hide_env_values = true)]
    admin_listen: Option<String>,
}

/// Why it is not known where to ask.
pub(super) enum UnknownAddress {
    /// The admin listener is off.
    Off,
    /// `--admin-listen` has no address.
    NoAddress,
    /// The configuration, which would have the address, is invalid.
    Configuration(CommandError),
}

impl AdminArgs {
    /// The address to connect to.
    pub(super) fn address(&self, config: &ConfigArgs) -> Result<SocketAddr, UnknownAddress> {
        let address = match (self.admin_listen.as_deref(), config.file()) {
            (Some("off"), _) => return Err(UnknownAddress::Off),
            (Some(address), _) => address.parse().map_err(|_| UnknownAddress::NoAddress)?,
            (None, None) => DEFAULT_ADMIN_LISTEN.parse().map_err(|_| UnknownAddress::NoAddress)?,
            (None, Some(_)) => {
                let configuration = config.load_with(&[]).map_err(UnknownAddress::Configuration)?;
                configuration.gateway.admin.ok_or(UnknownAddress::Off)?
            }
        };
        Ok(reachable(address))
    }
}

impl From<UnknownAddress> for CommandError {
    fn from(unknown: UnknownAddress) -> Self {
        match unknown {
            UnknownAddress::Off => Self::Failed("the admin listener is `off`".to_owned()),
            UnknownAddress::NoAddress => Self::Usage("`--admin-listen` must be an IP address and a port".to_owned()),
            UnknownAddress::Configuration(error) => error,
        }
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
