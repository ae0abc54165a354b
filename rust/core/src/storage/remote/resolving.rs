//! From names of hosts to addresses, and which of those are anybody's.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use rand::seq::SliceRandom;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::task::JoinSet;

/// Looks names up as the system does.
#[derive(Debug, Clone, Copy)]
pub struct Resolver {
    /// Leave out addresses that are not public.  Asked of the addresses that are connected to, so that a name cannot mean
    /// one thing when it is checked and another when it is used.
    pub public: bool,
    /// Spread connections over all the addresses of a name.
    pub shuffles: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (host, this) = (name.as_str().to_owned(), *self);
        Box::pin(async move {
            // A set, so that what has not begun ends with the request.
            let mut tasks = JoinSet::new();
            tasks.spawn_blocking(move || this.look_up(&host));
            match tasks.join_next().await {
                Some(found) => Ok(found??),
                None => Err("the look-up of a name was not started".into()),
            }
        })
    }
}

impl Resolver {
    fn look_up(self, host: &str) -> io::Result<Addrs> {
        let mut found: Vec<SocketAddr> = (host, 0).to_socket_addrs()?.collect();
        if self.public {
            found.retain(|address| is_public(address.ip()));
            if found.is_empty() {
                return Err(io::Error::other(format!("{host} {NOT_PUBLIC}")));
            }
        }
        if self.shuffles {
            found.shuffle(&mut rand::rng());
        }
        Ok(Box::new(found.into_iter()))
    }
}

/// What is said of a host that a redirect may not lead to.
pub const NOT_PUBLIC: &str = "is an address of this machine, of its link or of a private network, where redirects lead \
                              only to hosts that were named when the storage or the repository was opened";

/// Whether an address is one of the public internet: not this machine's, its link's, a private network's or reserved
/// (IANA's registries of special-purpose addresses, as of 2026).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224.., ..)
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        // IPv4 in other clothes: mapped, translated, 6to4
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            is_public_v4(v4(high, low))
        }
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] => false,
        [0x3fff, 0..=0xfff, ..] => false,
        // global unicast is 2000::/3; all the rest is local, multicast or reserved
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_told_from_others() {
        for text in [
            "1.1.1.1",
            "172.32.0.1",
            "169.253.0.1",
            "2606:4700::1111",
            "64:ff9b::101:101",
            "2002:101:101::",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:a00:1::",
            "2001:db8::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn names_of_the_machine_itself_are_not_public() {
        let resolver = |public| Resolver { public, shuffles: true };
        assert!(resolver(false).look_up("localhost").unwrap().count() > 0);
        assert!(resolver(true).look_up("localhost").is_err());
    }
}
