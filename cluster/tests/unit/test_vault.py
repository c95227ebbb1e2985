"""What Vault's installation makes, and the shop's secrets on a development cluster."""

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shop_cluster.build import tool
from shop_cluster.certificates import Authority
from shop_cluster.development_secrets import development_secrets
from shop_cluster.errors import ClusterError
from shop_cluster.paths import checkout
from shop_cluster.secrets_provider import chosen_provider
from shop_cluster.shop_secrets import with_values
from shop_cluster.vault import missing
from shop_cluster.vault_setup import paths_of

ADDRESS = "vault.platform.svc.cluster.local"


def built(folder: str) -> dict[str, dict[str, Any]]:
    """Return the spec of each ShopService that a kustomization makes, by name."""
    command = [str(tool("kustomize")), "build", str(checkout() / folder)]
    text = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
    return {found["metadata"]["name"]: found["spec"] for found in yaml.safe_load_all(text)}


def values(secret: dict[str, Any]) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in secret["data"].items()}


@pytest.mark.parametrize("own", [True, False])
def test_vault_is_certified_under_the_name_that_agents_call(tmp_path: Path, *, own: bool) -> None:
    authority = Authority(tmp_path) if own else None
    seal, tls = missing(set(), authority)
    assert len(values(seal)["key"]) == 32
    found = values(tls)
    certificate = x509.load_pem_x509_certificate(found["tls.crt"])
    issuer = x509.load_pem_x509_certificate(found["ca.crt"])
    certificate.verify_directly_issued_by(issuer)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert ADDRESS in names.get_values_for_type(x509.DNSName)
    key = serialization.load_pem_private_key(found["tls.key"], password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == certificate.public_key()
    if own:
        assert found["ca.crt"] == Authority(tmp_path).certificate.read_bytes()


def test_what_is_there_is_kept() -> None:
    assert missing({"vault-seal", "vault-tls"}, None) == []
    [seal] = missing({"vault-tls"}, None)
    assert seal["metadata"]["name"] == "vault-seal"


def test_a_seal_is_never_the_same_twice() -> None:
    one, other = (missing({"vault-tls"}, None)[0] for _ in range(2))
    assert one["data"] != other["data"]


def test_the_signing_key_is_one_that_nobody_else_has() -> None:
    one, other = (paths_of(development_secrets())["shop/auth/signing-keys"] for _ in range(2))
    assert one != other
    key = serialization.load_pem_private_key(one["keys.pem"].encode(), password=None)
    assert isinstance(key, Ed25519PrivateKey)


@pytest.mark.parametrize("folder", ["manifests/shop", "kustomize/overlays/shop-kubernetes"])
def test_every_secret_that_a_service_asks_for_is_written(folder: str) -> None:
    made = development_secrets()
    written = {f"secret/data/{path}": found for path, found in paths_of(made).items()}
    by_name = {found["metadata"]["name"]: found["stringData"] for found in made}
    asked = [
        (secrets["provider"], file)
        for spec in built(folder).values()
        if (secrets := spec.get("secrets"))
        for file in secrets.get("files", [])
    ]
    assert {provider for provider, _ in asked} == {
        "vault" if folder == "manifests/shop" else "kubernetes"
    }
    for provider, file in asked:
        if provider == "vault":
            assert file["key"] in written[file["path"]]
        else:
            name, _, key = file["path"].partition("/")
            assert key in by_name[name]


def test_without_vault_a_service_is_what_it_is_with_it_but_for_its_secrets() -> None:
    without = built("kustomize/overlays/shop-kubernetes")
    with_vault = built("manifests/shop")
    for name, spec in with_vault.items():
        ours, others = (found.pop("secrets", {}) for found in (spec, without[name]))
        files = [{each["name"] for each in found.get("files", [])} for found in (ours, others)]
        assert files[0] == files[1]
        assert without[name] == spec
    assert without.keys() == with_vault.keys()


def test_no_secret_is_in_a_manifest_of_the_shop() -> None:
    values = {value for each in development_secrets() for value in each["stringData"].values()}
    # Names of users, and words that are in a manifest anyway.
    told = {value for value in values if len(value) > len("development")}
    assert len(told) > 5
    for file in (checkout() / "manifests" / "shop").glob("*.yaml"):
        assert [value for value in told if value in file.read_text()] == []


def test_a_secret_that_was_found_elsewhere_has_the_values_from_there() -> None:
    made = development_secrets()
    found = {"shop/auth/signing-keys": {"keys.pem": "theirs", "more": "of them"}}
    after = paths_of(with_values(made, found))
    assert after == paths_of(made) | found
    assert paths_of(made)["shop/auth/signing-keys"] != found["shop/auth/signing-keys"]


def test_every_service_is_in_the_kustomization() -> None:
    folder = checkout() / "manifests" / "shop"
    named = yaml.safe_load((folder / "Kustomization").read_text())["resources"]
    assert named == sorted(file.name for file in folder.glob("*.yaml"))


def test_a_provider_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS", "valt")
    with pytest.raises(ClusterError, match="SECRETS=valt: it is one of vault, kubernetes"):
        chosen_provider()


@pytest.mark.parametrize("asked", ["", None])
def test_secrets_come_from_vault_unless_said_otherwise(
    monkeypatch: pytest.MonkeyPatch, asked: str | None
) -> None:
    if asked is None:
        monkeypatch.delenv("SECRETS", raising=False)
    else:
        monkeypatch.setenv("SECRETS", asked)
    assert chosen_provider() == "vault"
    monkeypatch.setenv("SECRETS", "kubernetes")
    assert chosen_provider() == "kubernetes"
