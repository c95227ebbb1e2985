"""Signs images and what is said of them by cosign, and verifies both.

The key is a pair of files outside of the checkout, made when there is none, or one that a key
management service keeps: `hashivault://NAME` is OpenBao's or Vault's transit, with VAULT_ADDR and
VAULT_TOKEN. No transparency log is written to: what is signed here need not be public.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shop_cluster.build import tool
from shop_cluster.errors import ClusterError
from shop_cluster.progress import say
from shop_cluster.shell import run

_PREDICATE = "spdxjson"
_AS_COSIGN_2 = (
    "--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false", "--yes",
    "--allow-http-registry",
)  # fmt: skip
"""Signed so once more: policy-controller 0.13 reads no bundle that a key signed."""


@dataclass(frozen=True, kw_only=True)
class Signer:
    """A key, and where cosign keeps its settings.

    ``key`` signs and ``public_key`` verifies: files, or the same URI of a key management service.
    ``folder`` is for files that cosign is given.
    """

    key: str
    public_key: str
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def sign(self, reference: str) -> None:
        """Sign an image, which is named by its digest. Raises ClusterError."""
        _require_digest(reference)
        self._cosign("sign", *self._signing(), reference)
        self._cosign("sign", f"--key={self.key}", *_AS_COSIGN_2, reference)

    def attest(self, reference: str, sbom: Path) -> None:
        """Sign that an SBOM (SPDX, JSON) is of an image. Raises ClusterError."""
        _require_digest(reference)
        self._cosign(
            "attest", *self._signing(), f"--type={_PREDICATE}", f"--predicate={sbom}", reference
        )

    def verify(self, reference: str) -> None:
        """Return when the key's owner signed exactly this image and an SBOM of it.

        Raises:
            ClusterError: there is no signature of this key, or it is of something else.

        """
        self._cosign("verify", *self._verifying(), reference)
        self._cosign("verify-attestation", *self._verifying(), f"--type={_PREDICATE}", reference)

    def write_public_key(self, file: Path) -> None:
        """Write the public key, for whoever verifies. Raises ClusterError."""
        file.write_text(self._cosign("public-key", f"--key={self.key}"))

    def _signing(self) -> tuple[str, ...]:
        # Without a log and a time stamping authority: nothing is sent anywhere.
        services = self.folder / "signing-config.json"
        if not services.exists():
            self._cosign("signing-config", "create", f"--out={services}")
        return (
            f"--key={self.key}", f"--signing-config={services}", "--yes",
            "--allow-http-registry",
        )  # fmt: skip

    def _verifying(self) -> tuple[str, ...]:
        return f"--key={self.public_key}", "--insecure-ignore-tlog", "--allow-http-registry"

    def _cosign(self, *words: str) -> str:
        environment = {"COSIGN_PASSWORD": "", **os.environ, **self.environment}
        return run(str(tool("cosign")), *words, env=environment)


def signer(key: str, *, folder: Path) -> Signer:
    """Return the signer of a key management service's key, or, for "", of the key of this machine.

    That key is made when there is none: with COSIGN_PASSWORD, or without one for nobody but this
    user. Raises ClusterError.
    """
    if key:
        if "://" not in key:
            raise ClusterError(f"{key}: it is none of a key management service (hashivault://…)")
        return Signer(key=key, public_key=key, folder=folder)
    prefix = key_folder() / "cosign"
    private, public = prefix.with_suffix(".key"), prefix.with_suffix(".pub")
    made = Signer(key=str(private), public_key=str(public), folder=folder)
    if not private.exists():
        prefix.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        say(f"making a key pair for signing: {private}")
        made._cosign("generate-key-pair", f"--output-key-prefix={prefix}")  # noqa: SLF001 - its own
        private.chmod(0o600)
    return made


def key_folder() -> Path:
    """Return where this user's key pair is: outside of every checkout."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "minishop"


def _require_digest(reference: str) -> None:
    if "@sha256:" not in reference:
        raise ClusterError(f"{reference}: only an image named by its digest can be signed")
