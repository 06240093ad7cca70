"""Which addresses this system may connect to by itself: for outgoing channels, and for the keys of an issuer.

A URL is written by a person who sets the system up, but its name is resolved by somebody else's DNS. So what is judged
is the address that is about to be connected to, never the name.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

_NAT64 = ip_network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are the IPv4 address that is really meant."""
_NAT64_LOCAL = ip_network("64:ff9b:1::/48")
"""RFC 8215: where in it the IPv4 address stands is the network's own matter, so it cannot be judged."""
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""RFC 5214: bits 64 to 96 that say that the last 32 are an IPv4 address."""
_THIS_NETWORK = ip_network("0.0.0.0/8")
"""Some systems take it for themselves."""
_CLOUD_INSIDES = frozenset(
    {"168.63.129.16", "100.100.100.200", "192.0.0.192", "169.254.169.254", "fd00:ec2::254", "fd20:ce::254"}
)
"""Where clouds tell a machine its own secrets (Azure, Alibaba, Oracle, most others by IPv4; two by IPv6). The first two
do not look private."""


def refusal(address: str, *, allow_private: bool, within: Sequence[Network] | None = None) -> str | None:
    """Why nothing is sent to an IP address, or None when it may be.

    `allow_private` opens private and loopback ranges, `within` (None: all of them) says which; link-local and metadata
    addresses stay closed, since no receiver of alerts lives there.
    """
    try:
        meant = _meant(ip_address(address.partition("%")[0]))
    except ValueError:
        return f"{address!r} is not an IP address"
    if meant.is_link_local or str(meant) in _CLOUD_INSIDES:
        return f"{meant} is a link-local or metadata address; nothing is sent there"
    if meant.is_multicast or meant.is_unspecified or meant in _THIS_NETWORK or meant in _NAT64_LOCAL:
        return f"{meant} is not the address of one machine"
    if meant.is_reserved and not meant.is_loopback:
        return f"{meant} is not the address of one machine"
    if is_public(meant):
        return None
    if not allow_private:
        return f"{meant} is a private address; if that is meant, see allow_private and STRAINWATCH_PRIVATE_NETWORKS"
    if within is not None and not any(meant in network for network in within):
        return f"{meant} is a private address, and STRAINWATCH_PRIVATE_NETWORKS does not name its network"
    return None


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the internet's."""
    return address.is_global and not (isinstance(address, IPv6Address) and address.is_site_local)


def leads_inside(address: str) -> bool:
    """Whether an IP address is a private one, however it is written."""
    return not is_public(_meant(ip_address(address.partition("%")[0])))


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for, else itself."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if inner is None and (address in _NAT64 or int(address) >> 32 & 0xFFFF_FFFF in _ISATAP):
        inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    return inner or address
