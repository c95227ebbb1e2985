"""A policy, and the role by which the service's pods log in and get it.

A policy is marked by a comment in its rules. A role of the Kubernetes auth method can't be marked:
it is as the policy of its name is marked; without that policy it is ours if it lets in nobody but
the service's ServiceAccount.
"""

from dataclasses import dataclass
from typing import Any, Final

from shop_operator.stores.external import Found, Record
from shop_operator.stores.sessions import Sessions
from shop_operator.stores.vault.marks import mark, owner_in
from shop_operator.stores.vault.session import VaultSession, is_told

_TOKEN_SECONDS: Final = 1200
"""A token that its agent does not renew ends after this time, and every login it asked for."""
_UNSET: Final[dict[str, Any]] = {
    "audience": "",
    "bound_service_account_namespace_selector": "",
    "token_bound_cidrs": [],
    "token_explicit_max_ttl": 0,
    "token_max_ttl": 0,
    "token_no_default_policy": False,
    "token_num_uses": 0,
    "token_ttl": 0,
    "token_type": "default",
}
"""What would let in others, or let no pod in, or end its token early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the service's pods may read in Vault."""

    name: str
    paths: tuple[str, ...] = ()
    """Empty if it is only to be released."""

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        return Record(store="vault", kind="Policy", name=self.name)

    async def read(self, sessions: Sessions) -> Found | None:
        """Return the live policy; the comment in its first line is its mark."""
        live = await (await sessions.vault()).read(self._path)
        if live is None:
            return None
        rules = str(live.get("rules") or live.get("policy") or "")
        return Found(
            owner_in(rules),
            f"begin its rules with the line: # {mark(sessions.owner)}",
            as_declared=rules == self._rules(sessions.owner),
            read_whole=True,
        )

    async def ensure(self, sessions: Sessions) -> None:
        """Write the policy if it differs."""
        live = await self.read(sessions)
        if live is None or not live.as_declared:
            rules = {"policy": self._rules(sessions.owner)}
            await (await sessions.vault()).write(self._path, rules)

    async def release(self, sessions: Sessions) -> bool:
        """Delete the policy."""
        await (await sessions.vault()).delete(self._path)
        return True

    @property
    def _path(self) -> str:
        return f"sys/policies/acl/{self.name}"

    def _rules(self, owner: str) -> str:
        lines = [f"# {mark(owner)}"]
        lines += [f'path "{path}" {{ capabilities = ["read"] }}' for path in self.paths]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthRole:
    """The role that a service's ServiceAccount logs in as, with the policy of the same name."""

    name: str

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        return Record(store="vault", kind="AuthRole", name=self.name)

    async def read(self, sessions: Sessions) -> Found | None:
        """Return the live role; it is as the policy of its name is marked."""
        vault = await sessions.vault()
        live = await vault.read(self._path(vault))
        if live is None:
            return None
        wanted = self._fields(sessions)
        as_declared = is_told(live, wanted)
        policy = await Policy(name=self.name).read(sessions)
        if policy is not None:
            owner = policy.owner
        else:
            bound = {key: value for key, value in wanted.items() if key.startswith("bound_")}
            owner = sessions.owner if is_told(live, bound) else ""
        return Found(
            owner, f"mark the policy {self.name}", as_declared=as_declared, read_whole=True
        )

    async def ensure(self, sessions: Sessions) -> None:
        """Write the role if it differs."""
        live = await self.read(sessions)
        if live is None or not live.as_declared:
            vault = await sessions.vault()
            await vault.write(self._path(vault), self._fields(sessions))

    async def release(self, sessions: Sessions) -> bool:
        """Delete the role. Tokens that it gave out end with their lease."""
        vault = await sessions.vault()
        await vault.delete(self._path(vault))
        return True

    def _path(self, vault: VaultSession) -> str:
        return f"auth/{vault.settings.vault_auth_path}/role/{self.name}"

    def _fields(self, sessions: Sessions) -> dict[str, Any]:
        key = sessions.service.key
        return {
            "bound_service_account_names": [key.name],
            "bound_service_account_namespaces": [key.namespace],
            "token_policies": [self.name],
            "token_period": _TOKEN_SECONDS,
            **_UNSET,
        }
