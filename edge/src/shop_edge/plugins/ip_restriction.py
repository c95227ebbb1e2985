"""`ip-restriction`: only some addresses, or all but some, are let in; the others get 403."""

from ipaddress import IPv4Network, IPv6Network
from typing import Any, ClassVar, Literal

from pydantic import model_validator

from shop_edge.plugins.settings import TYPE, PluginSettings

FILTER = "envoy.filters.http.rbac"
_PER_ROUTE = f"{TYPE}extensions.filters.http.rbac.v3.RBACPerRoute"


class IpRestriction(PluginSettings):
    """Addresses or networks. Who is in both lists is not let in."""

    plugin: ClassVar[str] = "ip-restriction"

    allow: tuple[IPv4Network | IPv6Network, ...] = ()
    deny: tuple[IPv4Network | IPv6Network, ...] = ()
    status: Literal[403] = 403
    message: Literal[""] = ""

    @model_validator(mode="after")
    def _names_somebody(self) -> "IpRestriction":
        if not self.allow and not self.deny:
            raise ValueError("at least one of these fields must be non-empty: 'allow', 'deny'")
        return self


def filters(settings: IpRestriction) -> dict[str, Any]:
    """Return the route's configuration by Envoy's filters."""
    wanted: list[dict[str, Any]] = []
    if settings.allow:
        wanted.append(_any_of(settings.allow))
    if settings.deny:
        wanted.append({"not_id": _any_of(settings.deny)})
    policy = {"permissions": [{"any": True}], "principals": [{"and_ids": {"ids": wanted}}]}
    rules = {"action": "ALLOW", "policies": {"ip-restriction": policy}}
    return {FILTER: {"@type": _PER_ROUTE, "rbac": {"rules": rules}}}


def _any_of(networks: tuple[IPv4Network | IPv6Network, ...]) -> dict[str, Any]:
    addresses = [
        {
            "remote_ip": {
                "address_prefix": str(each.network_address),
                "prefix_len": each.prefixlen,
            }
        }
        for each in networks
    ]
    return {"or_ids": {"ids": addresses}}
