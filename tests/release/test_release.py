"""`make release` with a small image: a real registry, real signatures, and what does not verify."""

import json
import ssl
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from shop_servers.servers import OpenBao

from release.small_image import VERSION, changed
from shop_cluster.errors import ClusterError
from shop_cluster.release.publish import Released
from shop_cluster.release.signing import Signer, signer


@pytest.fixture
def transit(
    openbao: OpenBao, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str], Signer]:
    """Signers with keys of these names, which OpenBao makes and keeps."""
    for name, value in {
        "VAULT_ADDR": openbao.url, "VAULT_TOKEN": openbao.token, "VAULT_CACERT": openbao.ca,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    trust = ssl.create_default_context(cafile=openbao.ca)
    headers = {"X-Vault-Token": openbao.token}

    def keep(name: str) -> Signer:
        with httpx.Client(base_url=f"{openbao.url}/v1/", verify=trust, headers=headers) as http:
            if "transit/" not in http.get("sys/mounts").raise_for_status().json()["data"]:
                http.post("sys/mounts/transit", json={"type": "transit"}).raise_for_status()
            made = http.post(f"transit/keys/{name}", json={"type": "ecdsa-p256"})
            made.raise_for_status()
        return signer(f"hashivault://{name}", folder=tmp_path)

    return keep


def manifest(reference: str) -> dict[str, object]:
    """The manifest of an image in the registry: its configuration is read too, for its labels."""
    host, _, rest = reference.partition("/")
    name, _, digest = rest.partition("@")
    kind = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    asked = httpx.get(f"http://{host}/v2/{name}/manifests/{digest}", headers=kind)
    found = asked.raise_for_status().json()
    blob = httpx.get(f"http://{host}/v2/{name}/blobs/{found['config']['digest']}")
    return {**found, "labels": blob.raise_for_status().json()["config"]["Labels"]}


def test_an_image_is_labelled_described_and_verified(
    released: Released, keys: Signer, out: Path
) -> None:
    labels = manifest(released.reference)["labels"]
    assert isinstance(labels, dict)
    assert labels["org.opencontainers.image.version"] == VERSION
    assert len(labels["org.opencontainers.image.revision"]) >= 7
    sbom = json.loads((out / "sbom" / "release-trial.spdx.json").read_text())
    assert {"stdlib"} <= {each["name"] for each in sbom["packages"]}
    assert (out / "images" / "release-trial.image").read_text() == f"{released.reference}\n"
    keys.verify(released.reference)


def test_a_changed_image_does_not_verify(released: Released, keys: Signer) -> None:
    other = changed(released.reference)
    assert other != released.reference
    with pytest.raises(ClusterError, match="no signatures found"):
        keys.verify(other)


def test_a_signature_of_another_key_does_not_verify(
    released: Released, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    stranger = signer("", folder=tmp_path)
    with pytest.raises(ClusterError, match="verif"):
        stranger.verify(released.reference)


def test_a_key_that_openbao_keeps_signs_and_verifies(
    released: Released, out: Path, transit: Callable[[str], Signer], tmp_path: Path
) -> None:
    release, other = transit("minishop-release"), transit("another")
    with pytest.raises(ClusterError, match="verif"):
        release.verify(released.reference)
    release.sign(released.reference)
    release.attest(released.reference, out / "sbom" / "release-trial.spdx.json")
    release.verify(released.reference)
    with pytest.raises(ClusterError, match="verif"):
        other.verify(released.reference)
    release.write_public_key(tmp_path / "cosign.pub")
    assert (tmp_path / "cosign.pub").read_text().startswith("-----BEGIN PUBLIC KEY-----")


def test_only_a_digest_is_signed(released: Released, keys: Signer) -> None:
    tagged = f"{released.reference.partition('@')[0]}:{VERSION}"
    with pytest.raises(ClusterError, match="by its digest"):
        keys.sign(tagged)


def test_the_private_key_is_nobody_elses(keys: Signer) -> None:
    assert Path(keys.key).stat().st_mode & 0o077 == 0
