"""Addresses as clients are counted by; the process that watches the workers needs no more of it."""

import ipaddress


def household(given: str) -> str:
    """An address as clients are counted: itself, or an IPv6 network of one household."""
    try:
        address = _address(given)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def is_loopback(given: str) -> bool:
    """Whether it is this very machine's own."""
    try:
        return _address(given).is_loopback
    except ValueError:
        return False


def _address(given: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(given)
    return getattr(address, "ipv4_mapped", None) or address
