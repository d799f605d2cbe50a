"""Addresses of clients, in the form in which requests are counted and limited."""

import ipaddress


def household(given: str) -> str:
    """Return the name that the requests of an IP address are counted under.

    The name is an IPv4 address, or the /64 network of an IPv6 address, which one household shares;
    for text that is no address it is ``unknown``.
    """
    try:
        address = _address(given)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def is_loopback(given: str) -> bool:
    """Return whether an IP address is a loopback address, that is, belongs to this machine."""
    try:
        return _address(given).is_loopback
    except ValueError:
        return False


def _address(given: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(given)
    return getattr(address, "ipv4_mapped", None) or address
