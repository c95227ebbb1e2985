"""OpenBao from its wheel: TLS, storage in memory, and a seal that opens by itself.

It is the same program as on the cluster, not its development mode. A test works in a namespace of
its own (`databases.create_bao_namespace`), with policies, logins and mounts that nobody shares.
"""

import ipaddress
import secrets
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shop_servers.instance import Facts, ServerInstance
from shop_servers.packages import bao

_HOST = "127.0.0.1"
_SEAL_KEY_BYTES = 32


async def start(instance: ServerInstance) -> Facts:
    """Start OpenBao; facts are `url`, `ca` (a file), the root `token` and the `audit` log."""
    program = await bao()
    home = instance.make_directory("home")
    certificate, key = home / "tls.crt", home / "tls.key"
    if not certificate.exists():
        _certify(certificate, key)
    seal, audit = home / "seal.key", home / "audit.log"
    seal.write_bytes(secrets.token_bytes(_SEAL_KEY_BYTES))
    configuration = home / "bao.hcl"
    configuration.write_text(_configuration(instance, home))
    await instance.spawn([program, "server", "-config", configuration])
    url = f"https://{_HOST}:{instance.port()}"
    trust = ssl.create_default_context(cafile=certificate)
    async with httpx.AsyncClient(base_url=f"{url}/v1/", verify=trust, timeout=60) as client:

        async def answers() -> None:
            (await client.get("sys/seal-status")).raise_for_status()

        async def active() -> None:
            (await client.get("sys/health")).raise_for_status()

        await instance.listening(instance.port())
        await instance.ready(answers)
        # The storage is in memory: each start is the first.
        made = await client.put("sys/init", json={"recovery_shares": 1, "recovery_threshold": 1})
        made.raise_for_status()
        await instance.ready(active)
        token = str(made.json()["root_token"])
    return {"url": url, "ca": str(certificate), "token": token, "audit": str(audit)}


def _configuration(instance: ServerInstance, home: Path) -> str:
    """The content of the server's configuration file."""
    address = f"{_HOST}:{instance.port()}"
    return f"""
storage "inmem" {{}}
listener "tcp" {{
  address = "{address}"
  cluster_address = "{_HOST}:{instance.port("cluster")}"
  tls_cert_file = "{home}/tls.crt"
  tls_key_file = "{home}/tls.key"
}}
api_addr = "https://{address}"
seal "static" {{
  current_key_id = "tests"
  current_key = "file://{home}/seal.key"
}}
audit "file" "log" {{
  options {{ file_path = "{home}/audit.log" }}
}}
log_level = "warn"
"""


def _certify(certificate: Path, key: Path) -> None:
    """Write a certificate for the loopback address, signed by itself, and its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "openbao")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=7))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(_HOST))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.touch(mode=0o600)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
