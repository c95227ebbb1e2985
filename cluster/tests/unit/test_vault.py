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
from shop_cluster.vault import missing
from shop_cluster.vault_setup import paths_of

ADDRESS = "vault.platform.svc.cluster.local"


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


def test_every_secret_that_a_service_asks_for_is_written() -> None:
    folder = checkout() / "kustomize" / "overlays" / "shop-vault"
    command = [str(tool("kustomize")), "build", str(folder)]
    services = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
    written = {
        f"secret/data/{path}": found for path, found in paths_of(development_secrets()).items()
    }
    asked = [
        file
        for service in yaml.safe_load_all(services)
        if (secrets := service["spec"].get("secrets", {})).get("provider") == "vault"
        for file in secrets.get("files", [])
    ]
    assert asked
    for file in asked:
        assert file["key"] in written[file["path"]]


def test_with_vault_a_service_has_the_settings_that_it_has_without() -> None:
    def built(folder: str) -> dict[str, dict[str, Any]]:
        command = [str(tool("kustomize")), "build", str(checkout() / folder)]
        text = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
        return {found["metadata"]["name"]: found["spec"] for found in yaml.safe_load_all(text)}

    with_vault = built("kustomize/overlays/shop-vault")
    for name, spec in built("manifests/shop").items():
        found = with_vault[name]
        given = {each["name"]: each["value"] for each in found.pop("env", [])}
        files = {each["name"].upper() for each in found.pop("secrets", {}).get("files", [])}
        for each in spec.pop("env", []):
            # In development, auth makes a key where none is given.
            is_secret = each["name"] in files or each["name"] == "ENVIRONMENT"
            assert is_secret or given.pop(each["name"]) == each["value"]
        assert given == {}
        assert found == spec


def test_every_service_is_in_the_kustomization() -> None:
    folder = checkout() / "manifests" / "shop"
    named = yaml.safe_load((folder / "Kustomization").read_text())["resources"]
    assert named == sorted(file.name for file in folder.glob("*.yaml"))


def test_a_provider_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS", "valt")
    with pytest.raises(ClusterError, match="SECRETS=valt: it is one of vault, kubernetes"):
        chosen_provider()
