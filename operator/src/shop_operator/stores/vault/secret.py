"""Secrets in Vault's key/value engine, version 2: one that the operator writes, those of others.

Source: OpenBao, "KV secrets engine - version 2 (API)".
"""

from dataclasses import dataclass, field
from typing import Final

from shop_operator.names import vault_folder
from shop_operator.spec import ShopService
from shop_operator.stores.errors import StoreError
from shop_operator.stores.external import Found, Record
from shop_operator.stores.sessions import Sessions
from shop_operator.stores.vault.session import VaultSession, is_told

_OWNER: Final = "minishop.dev/owner"

_KEPT: Final = {"max_versions": 2, "cas_required": False, "delete_version_after": "0s"}
"""Metadata by which a secret stays, and may be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSecret:
    """A secret that the operator writes; its custom metadata is its mark."""

    name: str
    """Its path, without the engine's mount and its `data`."""
    content: dict[str, str] = field(default_factory=dict, repr=False)
    """Empty if it is only to be released."""

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        return Record(store="vault", kind="Secret", name=self.name)

    async def read(self, sessions: Sessions) -> Found | None:
        """Return the live secret."""
        vault = await sessions.vault()
        metadata = await vault.read(self._path(vault, "metadata"))
        if metadata is None:
            return None
        live = await vault.read(self._path(vault, "data"))
        owner = (metadata.get("custom_metadata") or {}).get(_OWNER, "")
        hint = f"set its custom metadata {_OWNER} to {sessions.owner}"
        same = live is not None and live.get("data") == self.content and is_told(metadata, _KEPT)
        return Found(owner, hint, as_declared=same, read_whole=True)

    async def ensure(self, sessions: Sessions) -> None:
        """Mark and write the secret, if it differs."""
        live = await self.read(sessions)
        if live is not None and live.as_declared:
            return
        vault = await sessions.vault()
        marked = {"custom_metadata": {_OWNER: sessions.owner}, **_KEPT}
        await vault.write(self._path(vault, "metadata"), marked)
        metadata = await vault.read(self._path(vault, "metadata")) or {}
        # The engine, too, may want to be told the version that is written over.
        written = {"data": self.content, "options": {"cas": metadata.get("current_version", 0)}}
        await vault.write(self._path(vault, "data"), written)

    async def release(self, sessions: Sessions) -> bool:
        """Delete every version."""
        vault = await sessions.vault()
        await vault.delete(self._path(vault, "metadata"))
        return True

    def _path(self, vault: VaultSession, part: str) -> str:
        return f"{vault.settings.vault_kv_mount}/{part}/{self.name}"


async def look_for_files(vault: VaultSession, service: ShopService) -> None:
    """Check that the secrets of `secrets.files` are there: pods without one don't start.

    Only the names of keys are read, never a value. Raises StoreError.
    """
    mount = vault.settings.vault_kv_mount
    allowed = f"{mount}/data/{vault_folder(service)}/"
    for file in service.spec.secrets.files:
        inside = file.path.removeprefix(allowed)
        if inside == file.path or {"", ".", ".."} & set(inside.split("/")):
            raise StoreError(
                "PolicyDenied",
                f"secrets.files {file.name}: the service's policy allows paths below {allowed}, "
                f"and not {file.path}; move the secret there",
            )
        found = await vault.read(f"{mount}/subkeys/{file.path.removeprefix(f'{mount}/data/')}")
        if found is None:
            raise StoreError(
                "SecretMissing",
                f"{file.path} is not in Vault; write it, or correct the path of secrets.files "
                f"{file.name}",
            )
        if file.key is not None and file.key not in (found.get("subkeys") or {}):
            raise StoreError(
                "SecretMissing",
                f"{file.path} has no key {file.key}; write it, or correct secrets.files "
                f"{file.name}",
            )
