"""Where webhooks may be sent. Anybody may subscribe, and the node then posts from inside its own network.

Services on this machine and in its network are what webhooks are for, so those addresses are allowed. Link-local ones
are not: there the clouds answer whoever asks with the machine's own credentials. Neither is anything that is no single
host. The node's own cli listener turns webhooks away (``surface.py``).
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

import yarl
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

URL_CHARACTERS_MAX: Final = 2048

EVENT_HEADER: Final = "X-OttoChain-Event"
"""Ours: which event a delivery is of. It also tells a node's cli listener that no operator is asking."""


def url_fault(url: str) -> str | None:
    """What keeps a callback URL from being used, as a sentence; None when nothing does."""
    if not url.startswith(("http://", "https://")) or len(url) > URL_CHARACTERS_MAX:
        return f"callbackUrl must be an http or https URL of at most {URL_CHARACTERS_MAX} characters"
    try:
        host = yarl.URL(url).host
    except ValueError:
        host = None
    if not host:
        return "callbackUrl must name a host"
    return f"callbackUrl may not lead to {host}" if is_forbidden(host) else None


def is_forbidden(host: str) -> bool:
    """Is it an address that webhooks are never sent to? A name is not: what it leads to is seen at each delivery."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_link_local or address.is_multicast or address.is_unspecified


class AllowedHosts(AbstractResolver):
    """Finds the addresses of a host, without those that webhooks are never sent to."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises ``OSError`` when nothing is left."""
        found = [each for each in await self._inner.resolve(host, port, family) if not is_forbidden(each["host"])]
        if not found:
            raise OSError(f"{host} leads to no address that webhooks may be sent to")
        return found

    async def close(self) -> None:
        await self._inner.close()
