//! Where webhooks may not go: this machine and the networks behind it, unless the settings allow it (SSRF).
//!
//! The addresses that were checked are those that are connected to: nothing is resolved a second time. Addresses
//! written into the URL never reach a resolver, and are checked when the settings are read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

/// Which addresses a webhook may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Guard {
    /// Private networks, this machine among them. Never what only machines talk to, such as a cloud's metadata.
    pub(super) allow_private: bool,
    /// This machine.
    pub(super) allow_loopback: bool,
    /// This machine and nothing else: what is not encrypted does not leave it, whatever a name means today.
    pub(super) only_loopback: bool,
}

/// Why a name gives no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// It cannot be resolved.
    #[error(transparent)]
    Lookup(#[from] std::io::Error),
    /// It may not be reached.
    #[error(transparent)]
    Address(#[from] RefusedAddress),
}

/// A name led to an address that the settings do not allow.
#[derive(Debug, thiserror::Error)]
#[error("the address is not allowed")]
pub(super) struct RefusedAddress;

/// What kind of network an address lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    /// The Internet.
    Public,
    /// A network behind a router or firewall: RFC 1918, RFC 6598, RFC 4193.
    Private,
    /// This machine.
    Loopback,
    /// Where no receiver can be: link-local (a cloud's metadata), multicast, tunnels, documentation, reserved.
    Never,
}

impl Guard {
    /// Whether `address` may be connected to.
    pub(super) fn allows(self, address: IpAddr) -> bool {
        match Network::of(address) {
            Network::Loopback => self.allow_private || self.allow_loopback,
            _ if self.only_loopback => false,
            Network::Public => true,
            Network::Private => self.allow_private,
            Network::Never => false,
        }
    }

    /// The addresses of a name, where all of them may be connected to.
    pub(super) async fn lookup(self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Refused> {
        let found: Vec<SocketAddr> = lookup_host((host, port)).await?.collect();
        // One bad address is enough: a name that points inside as well as outside is an attack.
        if found.iter().all(|address| self.allows(address.ip())) { Ok(found) } else { Err(RefusedAddress.into()) }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = *self;
        Box::pin(async move {
            match guard.lookup(name.as_str(), 0).await {
                Ok(found) => Ok(Box::new(found.into_iter()) as Addrs),
                Err(Refused::Lookup(error)) => Err(error.into()),
                Err(Refused::Address(refused)) => Err(refused.into()),
            }
        })
    }
}

impl Network {
    pub(super) fn of(address: IpAddr) -> Self {
        match embedded_v4(address) {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [127, ..] => Self::Loopback,
            [10, ..] | [172, 16..32, ..] | [192, 168, ..] | [100, 64..128, ..] => Self::Private,
            // This network; link-local.
            [0, ..] | [169, 254, ..] => Self::Never,
            // Protocol assignments; relays of 6to4; benchmarks.
            [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..20, ..] => Self::Never,
            // Documentation.
            [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Self::Never,
            // Multicast; reserved; broadcast.
            [224..=255, ..] => Self::Never,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        match address.segments() {
            _ if address.is_loopback() => Self::Loopback,
            // The metadata of two clouds, inside what is private otherwise.
            [0xfd00, 0xec2, ..] | [0xfd20, 0xce, ..] => Self::Never,
            [0xfc00..0xfe00, ..] => Self::Private,
            // Protocol assignments, Teredo among them; documentation; 6to4; documentation.
            [0x2001, 0..0x200, ..] | [0x2001, 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..0x1000, ..] => Self::Never,
            // What is given out at all.
            [0x2000..0x4000, ..] => Self::Public,
            _ => Self::Never,
        }
    }
}

/// The IPv4 address that an IPv6 address stands for on today's networks: mapped, or through NAT64.
fn embedded_v4(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESSES: [(Network, &[&str]); 4] = [
        (
            Network::Public,
            &[
                "1.1.1.1",
                "9.255.255.255",
                "11.0.0.0",
                "100.63.255.255",
                "100.128.0.0",
                "172.15.255.255",
                "172.32.0.0",
                "192.0.1.1",
                "192.167.1.1",
                "198.17.255.255",
                "198.20.0.0",
                "223.255.255.255",
                "2a00:1450::1",
                "2001:200::1",
                "2620:4f::1",
                "::ffff:1.1.1.1",
                "64:ff9b::1.1.1.1",
            ],
        ),
        (
            Network::Private,
            &[
                "10.1.2.3",
                "172.16.0.1",
                "172.31.255.255",
                "192.168.1.1",
                "100.64.0.1",
                "100.127.255.255",
                "fc00::1",
                "fd12::1",
                "fdff:ffff::1",
                "::ffff:10.0.0.1",
                "64:ff9b::a00:1",
                "64:ff9b::192.168.0.1",
            ],
        ),
        (
            Network::Loopback,
            &["127.0.0.1", "127.8.8.8", "127.255.255.255", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"],
        ),
        (
            Network::Never,
            &[
                "0.0.0.0",
                "0.1.2.3",
                "169.254.0.1",
                "169.254.169.254",
                "192.0.0.8",
                "192.0.2.1",
                "192.88.99.1",
                "198.18.0.1",
                "198.19.255.255",
                "198.51.100.1",
                "203.0.113.1",
                "224.0.0.1",
                "239.1.1.1",
                "240.0.0.1",
                "255.255.255.255",
                "::",
                "::2",
                // Compatible, mapped, translated, NAT64 of a network's own, 6to4, Teredo, ISATAP of a link.
                "::7f00:1",
                "::10.0.0.1",
                "::1.1.1.1",
                "::ffff:0.0.0.0",
                "::ffff:169.254.169.254",
                "::ffff:0:127.0.0.1",
                "64:ff9b::169.254.169.254",
                "64:ff9b:1::a00:1",
                "2002:7f00:1::",
                "2002:a9fe:a9fe::1",
                "2001::1",
                "2001:0:7f00:1::",
                "2001:2::1",
                "2001:10::1",
                "2001:20::1",
                "fe80::5efe:10.0.0.1",
                "2001:db8::1",
                "3fff::1",
                "3fff:fff::1",
                "100::1",
                "5f00::1",
                "fe80::1",
                "febf::1",
                "fec0::1",
                "ff02::1",
                "ff0e::1",
                "fd00:ec2::254",
                "fd20:ce::254",
            ],
        ),
    ];

    #[test]
    fn every_address_lies_in_its_network() {
        for (network, addresses) in ADDRESSES {
            for address in addresses {
                assert_eq!(Network::of(address.parse().unwrap()), network, "{address}");
            }
        }
    }

    #[test]
    fn only_the_internet_is_allowed_unless_said() {
        let strict = Guard { allow_private: false, allow_loopback: false, only_loopback: false };
        let guards = [
            (strict, [true, false, false, false]),
            (Guard { allow_loopback: true, ..strict }, [true, false, true, false]),
            (Guard { allow_private: true, ..strict }, [true, true, true, false]),
            (Guard { allow_loopback: true, only_loopback: true, ..strict }, [false, false, true, false]),
            (Guard { allow_private: true, only_loopback: true, ..strict }, [false, false, true, false]),
        ];
        for (guard, expected) in guards {
            for ((network, addresses), expected) in ADDRESSES.iter().zip(expected) {
                for address in *addresses {
                    assert_eq!(guard.allows(address.parse().unwrap()), expected, "{guard:?} {network:?} {address}");
                }
            }
        }
    }
}
