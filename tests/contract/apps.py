"""The services in this process, called without a socket, on real stores."""

from dataclasses import dataclass, field

import httpx

from contract.services import Member
from contract.shop import Shop
from shop_shared.server import Service


@dataclass
class Apps:
    """The services in this process, on real stores; each made when first called."""

    shop: Shop
    services: dict[str, Service] = field(default_factory=dict)

    def client(self, member: Member) -> httpx.AsyncClient:
        """Return a client of a service, to be closed."""
        if member.name not in self.services:
            self.shop.prepare(member)
            self.services[member.name] = self.shop.create(member)
        transport = httpx.ASGITransport(self.services[member.name].app)
        return httpx.AsyncClient(transport=transport, base_url="http://shop")

    async def close(self) -> None:
        for service in self.services.values():
            for close in service.close:
                await close()
