//! Free ports for the daemons of one cluster.
//!
//! They lie below those that the system hands out by itself, so that no connection takes one while a
//! daemon is being restarted. Between looking and listening a block is claimed under a name that the
//! system knows of, so that two clusters that start at once do not pick the same.

use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

use super::EmulatedError;

const LOWEST: u16 = 10_000;
const HIGHEST: u16 = 32_000;
/// Ports of one block.
const BLOCK: u16 = 64;

/// Ports in a row, claimed until this is dropped.
pub(super) struct Ports {
    pub(super) first: u16,
    _claims: Vec<UnixListener>,
}

/// `count` free ports in a row.
pub(super) fn pick(count: u16) -> Result<Ports, EmulatedError> {
    let blocks = count.div_ceil(BLOCK);
    let last = ((HIGHEST - LOWEST) / BLOCK).saturating_sub(blocks);
    // Clusters that start at the same time begin to look in different places.
    let start = u16::try_from(std::process::id() % 1_024).unwrap_or_default() % (last + 1);
    let order = (start..=last).chain(0..start).map(|block| LOWEST + block * BLOCK);
    if blocks <= (HIGHEST - LOWEST) / BLOCK {
        for first in order {
            if let Some(ports) = claim(first, blocks)
                && (first..first + count).all(is_free)
            {
                return Ok(ports);
            }
        }
    }
    Err(EmulatedError::NoPorts { count })
}

fn claim(first: u16, blocks: u16) -> Option<Ports> {
    let claims = (0..blocks).map(|block| {
        let name = format!("leasehold-emulated-slurm-ports-{}", first + block * BLOCK);
        let name = SocketAddr::from_abstract_name(name).ok()?;
        UnixListener::bind_addr(&name).ok()
    });
    Some(Ports { first, _claims: claims.collect::<Option<_>>()? })
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_pick_at_once_get_different_ports() {
        let (one, other) = (pick(70).expect("there are ports"), pick(3).expect("there are ports"));
        assert!(one.first + 70 <= other.first || other.first + 3 <= one.first);
    }

    #[test]
    fn what_somebody_listens_on_is_not_picked() {
        let free = pick(3).expect("there are ports").first;
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, free + 1));
        let picked = pick(3).expect("there are others").first;
        assert!(picked + 3 <= free + 1 || picked > free + 1);
    }
}
