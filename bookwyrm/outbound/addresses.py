"""Tell a host of the open Internet from everything a request must not reach. Pure: no name is resolved here."""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# IANA's special-purpose registries, written out: what `ipaddress.is_global` answers changed between Python releases.
NOT_THE_OPEN_INTERNET_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host; Linux connects to itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, also used inside clouds
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and every cloud's metadata service
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# For IPv6 the rule is the other way round: only global unicast is open, less the parts of it that are not.
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
NOT_THE_OPEN_INTERNET_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo and other protocol assignments
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries any IPv4 address, private ones too
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_open_internet(address: Address) -> bool:
    """Say whether *address* belongs to a host that anyone on the Internet could reach as well."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in NOT_THE_OPEN_INTERNET_V4)
    carried = _carried_ipv4(address)
    if carried is not None:
        return is_open_internet(carried)
    return address in GLOBAL_UNICAST and not any(address in network for network in NOT_THE_OPEN_INTERNET_V6)


def may_connect(address: str) -> bool:
    """Say whether a connection may go to *address*, written as a resolver writes it (``fe80::1%eth0`` included)."""
    parsed = _as_address(address)
    return parsed is not None and is_open_internet(parsed)


def is_disguised_number(host: str) -> bool:
    """Say whether *host* is an IPv4 address in an unusual spelling: ``2130706433``, ``0x7f.1``, ``017700000001``.

    Resolvers read these as addresses. Nobody writes one in a link to a picture, so all are refused, whatever they mean.
    """
    last_label = host.rstrip(".").rpartition(".")[2]
    ends_in_a_number = last_label.isdigit() or last_label.lower().startswith("0x")
    return ends_in_a_number and _as_address(host) is None


def _as_address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _carried_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address at which a connection to *address* would end, where that is so (``::ffff:…``, NAT64)."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
