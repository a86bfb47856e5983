//! Addresses and networks, as Kubernetes has them. Both are texts here, and so is what is asked for.

use super::arguments::Arguments;
use crate::cel::activation::{Container, Evaluated, Value};
use crate::cel::budget::Budget;
use crate::cel::error::EvaluationError;
use crate::cel::kind::Kinds;
use crate::cel::signature::Signature;
use ipnet::IpNet;
use std::net::IpAddr;

/// What can be asked of an address or network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cel) enum NetworkFunction {
    Cidr,
    ContainsCidr,
    ContainsIp,
    Family,
    Ip,
    IpIsCanonical,
    IsCidr,
    IsGlobalUnicast,
    IsIp,
    IsLinkLocalMulticast,
    IsLinkLocalUnicast,
    IsLoopback,
    IsUnspecified,
    Masked,
    PrefixLength,
}

use NetworkFunction as F;

const ONE: &[Kinds] = &[Kinds::STRING];
const TWO: &[Kinds] = &[Kinds::STRING, Kinds::STRING];
const BOOL: Kinds = Kinds::BOOL;

pub(in crate::cel) const SIGNATURES: [Signature<F>; 16] = [
    Signature::plain("cidr", ONE, Kinds::STRING, F::Cidr),
    Signature::member("containsCIDR", TWO, BOOL, F::ContainsCidr),
    Signature::member("containsIP", TWO, BOOL, F::ContainsIp),
    Signature::member("family", ONE, Kinds::INT, F::Family),
    Signature::plain("ip", ONE, Kinds::STRING, F::Ip),
    Signature::member("ip", ONE, Kinds::STRING, F::Ip),
    Signature::plain("ip.isCanonical", ONE, BOOL, F::IpIsCanonical),
    Signature::plain("isCIDR", ONE, BOOL, F::IsCidr),
    Signature::member("isGlobalUnicast", ONE, BOOL, F::IsGlobalUnicast),
    Signature::plain("isIP", ONE, BOOL, F::IsIp),
    Signature::member("isLinkLocalMulticast", ONE, BOOL, F::IsLinkLocalMulticast),
    Signature::member("isLinkLocalUnicast", ONE, BOOL, F::IsLinkLocalUnicast),
    Signature::member("isLoopback", ONE, BOOL, F::IsLoopback),
    Signature::member("isUnspecified", ONE, BOOL, F::IsUnspecified),
    Signature::member("masked", ONE, Kinds::STRING, F::Masked),
    Signature::member("prefixLength", ONE, Kinds::INT, F::PrefixLength),
];

/// An address. IPv4 in IPv6 is neither, as in Kubernetes: two spellings of one address would be judged differently.
fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().filter(|address| !matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some()))
}

/// A network: an address and the bits of its prefix.
fn network(text: &str) -> Option<IpNet> {
    let (start, bits) = text.split_once('/')?;
    // `u8` would take `+8` and `08`
    let is_plain = bits.bytes().all(|byte| byte.is_ascii_digit()) && (bits == "0" || !bits.starts_with('0'));
    IpNet::new(address(start)?, bits.parse().ok().filter(|_| is_plain)?).ok()
}

fn require<T>(found: Option<T>) -> Result<T, EvaluationError> {
    found.ok_or(EvaluationError::NotConvertible)
}

impl NetworkFunction {
    /// What the function gives for `arguments`, of which each is known. A text that is no address or network has no value, but for
    /// the functions that ask for that.
    pub(in crate::cel) fn call<'a, C: Container<'a>>(
        self,
        arguments: &[Value<'a, C>],
        budget: &mut Budget,
    ) -> Evaluated<'a, C> {
        let arguments = Arguments(arguments);
        let text = arguments.text(0)?;
        budget.bytes(text.len())?;
        Ok(match self {
            Self::IsIp => Value::Bool(address(text).is_some()),
            Self::IsCidr => Value::Bool(network(text).is_some()),
            Self::IpIsCanonical => Value::Bool(require(address(text))?.to_string() == text),
            // of a network its address
            Self::Ip => {
                let address = address(text).or_else(|| network(text).map(|network| network.addr()));
                Value::Text(require(address)?.to_string().into())
            }
            Self::Cidr => Value::Text(require(network(text))?.to_string().into()),
            Self::Masked => Value::Text(require(network(text))?.trunc().to_string().into()),
            Self::PrefixLength => Value::Int(require(network(text))?.prefix_len().into()),
            Self::ContainsIp => {
                let address = require(address(arguments.text(1)?))?;
                Value::Bool(require(network(text))?.contains(&address))
            }
            Self::ContainsCidr => {
                let inside = require(network(arguments.text(1)?))?;
                Value::Bool(require(network(text))?.contains(&inside))
            }
            Self::Family => Value::Int(if require(address(text))?.is_ipv4() { 4 } else { 6 }),
            _ => Value::Bool(self.is_true_of(require(address(text))?)),
        })
    }

    /// Whether an address is in one of the blocks that have a meaning.
    fn is_true_of(self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::IsLoopback, _) => address.is_loopback(),
            (Self::IsUnspecified, _) => address.is_unspecified(),
            (Self::IsLinkLocalUnicast, IpAddr::V4(address)) => address.is_link_local(),
            (Self::IsLinkLocalUnicast, IpAddr::V6(address)) => address.is_unicast_link_local(),
            (Self::IsLinkLocalMulticast, IpAddr::V4(address)) => matches!(address.octets(), [224, 0, 0, _]),
            (Self::IsLinkLocalMulticast, IpAddr::V6(address)) => {
                address.segments().first().is_some_and(|it| it & 0xff0f == 0xff02)
            }
            // as Go has it, where private addresses are among them
            (Self::IsGlobalUnicast, _) => {
                let is_broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
                let is_local = Self::IsLinkLocalUnicast.is_true_of(address);
                !(is_broadcast
                    || address.is_unspecified()
                    || address.is_loopback()
                    || address.is_multicast()
                    || is_local)
            }
            _ => false,
        }
    }
}
