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
    /// Networks that are not the Internet, this machine among them.
    pub(super) allow_private: bool,
    /// This machine only.
    pub(super) allow_loopback: bool,
}

/// A name led to an address that the settings do not allow.
#[derive(Debug, thiserror::Error)]
#[error("the address is not allowed")]
pub(super) struct RefusedAddress;

impl Guard {
    /// Whether `address` may be connected to.
    pub(super) fn allows(self, address: IpAddr) -> bool {
        let address = embedded_v4(address);
        self.allow_private || is_public(address) || (self.allow_loopback && address.is_loopback())
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = *self;
        Box::pin(async move {
            let found: Vec<SocketAddr> = lookup_host((name.as_str(), 0)).await?.collect();
            // One bad address is enough: a name that points inside as well as outside is an attack.
            if found.iter().any(|address| !guard.allows(address.ip())) {
                return Err(RefusedAddress.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The IPv4 address that an IPv6 address stands for, where it does (mapped, compatible, NAT64, 6to4).
fn embedded_v4(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        _ => address,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    let protocols = (first, second, third) == (192, 0, 0);
    let benchmarks = first == 198 && (18..20).contains(&second);
    !(address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || shared
        || protocols
        || benchmarks
        // 0.0.0.0/8 is this machine; 224.0.0.0/4 is multicast, and all above it is reserved.
        || first == 0
        || first >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // 2000::/3 is what is given out at all; without documentation and tunnels.
    first & 0xe000 == 0x2000 && (first, second) != (0x2001, 0xdb8) && (first, second) != (0x2001, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_internet_is_allowed_unless_said() {
        let inside = [
            "127.0.0.1",
            "127.8.8.8",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "::7f00:1",
            "2001:db8::1",
            "2001::1",
            "fec0::1",
        ];
        let outside =
            ["1.1.1.1", "100.63.0.1", "100.128.0.1", "172.32.0.1", "198.20.0.1", "2a00:1450::1", "::ffff:1.1.1.1"];
        let strict = Guard { allow_private: false, allow_loopback: false };
        for address in inside {
            assert!(!strict.allows(address.parse().unwrap()), "{address}");
            assert!(Guard { allow_private: true, ..strict }.allows(address.parse().unwrap()), "{address}");
        }
        for address in outside {
            assert!(strict.allows(address.parse().unwrap()), "{address}");
        }
        let loopback = Guard { allow_loopback: true, ..strict };
        assert!(loopback.allows("127.0.0.1".parse().unwrap()) && !loopback.allows("10.0.0.1".parse().unwrap()));
    }
}
