"""What the API server was asked, by whom, from its own audit log."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from shop_cluster.control_plane import ControlPlane

_READS = {"get", "list", "watch"}
_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request that was answered; `code` is HTTP's."""

    user: str
    verb: str
    resource: str
    namespace: str
    name: str
    code: int

    @property
    def writes(self) -> bool:
        return self.verb not in _READS


def audit_flags(folder: Path) -> dict[str, object]:
    """Return the API server's flags, and write the policy that they name."""
    policy = folder / "audit-policy.json"
    policy.write_bytes(orjson.dumps(_POLICY))
    return {"audit-policy-file": policy, "audit-log-path": folder / "audit.log"}


def requests(plane: ControlPlane, *users: str) -> Iterator[Request]:
    """Yield the requests of these users, oldest first."""
    names = [f'"{user}"'.encode() for user in users]
    with plane.kubeconfig.with_name("audit.log").open("rb") as log:
        for line in log:
            if not line.endswith(b"\n"):
                return  # being written
            if not any(name in line for name in names):
                continue  # unread: the log is of all tests
            entry = orjson.loads(line)
            user, what = entry["user"]["username"], entry.get("objectRef") or {}
            if user in users:
                yield Request(
                    user,
                    entry["verb"],
                    what.get("resource", ""),
                    what.get("namespace", ""),
                    what.get("name", ""),
                    (entry.get("responseStatus") or {}).get("code", 0),
                )
