"""The files of a service, rendered by the real agent from what the operator writes on its pods."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
from shop_servers.instance import free_port
from shop_servers.packages import bao
from shop_servers.servers import MongoDB, Postgres

from shop_operator.api.kinds import DEPLOYMENT

from .outside import mongo_owner
from .rotations import request
from .test_vault import annotations, spec
from .vault import Vault, token, vault

__all__ = ["vault"]
STRIPE = {"name": "stripe_api_key", "key": "api_key"}


def configuration(vault: Vault, found: dict[str, str], folder: Path, *, port: int = 0) -> str:
    """Return the agent's configuration, as the injector makes it of a pod's annotations.

    Without a port it is that of the init container; the sidecar's goes on, and listens there.
    """
    server = vault.bao.server
    jwt = folder / "jwt"
    jwt.write_text(token(vault.plane, vault.shop.namespace, "orders"))
    api = f"agent_api {{ enable_quit = {found.get('agent-enable-quit', 'false')} }}"
    listener = f'listener "tcp" {{ address = "127.0.0.1:{port}" tls_disable = true {api} }}'
    lines = [
        f"{listener} cache {{}}" if port else "exit_after_auth = true",
        f'vault {{ address = "{server.url}" ca_cert = "{server.ca}"',
        "  retry { num_retries = -1 } }",
        f'auto_auth {{ method "kubernetes" {{ namespace = "{vault.bao.name}"',
        f'  config = {{ role = "{found["role"]}" token_path = "{jwt}" }} }} }}',
        "template_config { exit_on_retry_failure = true }",
    ]
    for annotation, template in found.items():
        name = annotation.removeprefix("agent-inject-template-")
        if name != annotation:
            lines += [
                "template {",
                f'  destination = "{folder}/{name}"',
                f"  contents = <<EOT\n{template}\nEOT",
                "}",
            ]
    return "\n".join(lines)


@asynccontextmanager
async def agent(
    vault: Vault, folder: Path, *, port: int = 0
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the agent: as a pod's init container does, or with a port as its sidecar."""
    found, file = await annotations(vault.shop, "orders"), folder / "agent.hcl"
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    text = configuration(vault, found, folder, port=port)
    await asyncio.to_thread(lambda: file.write_text(text))
    process = await asyncio.create_subprocess_exec(
        str(await bao()),
        "agent",
        f"-config={file}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"BAO_NAMESPACE": vault.bao.name, "HOME": str(folder)},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def render(vault: Vault, folder: Path) -> tuple[int, str]:
    """Run the agent until it ends; return its exit code and what it says."""
    async with agent(vault, folder) as process:
        said, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, said.decode()


async def written(file: Path, *, after: str = "") -> str:
    """Wait until the agent has written a file, and another content than before; return that."""
    async with asyncio.timeout(60):
        while True:
            text = await asyncio.to_thread(lambda: file.read_text() if file.exists() else "")
            if text.strip() not in {"", after}:
                return text.strip()
            await asyncio.sleep(0.1)


async def refused(url: str) -> None:
    """Wait until PostgreSQL refuses a login."""
    async with asyncio.timeout(60):
        while True:
            try:
                session = await asyncpg.connect(url)
            except asyncpg.InvalidAuthorizationSpecificationError:
                return
            await session.close()


async def test_a_file_is_the_value_of_its_key_and_no_template_is_written_for_it(
    vault: Vault, postgres: Postgres, name: str, tmp_path: Path
) -> None:
    shop = vault.shop
    folder = f"secret/data/{shop.namespace}/orders"
    hard = "p\"a{{ss}} \\wo'rd\nline two"
    await vault.write(f"{folder}/stripe", {"data": {"api_key": "sk_test_1", "odd-key.1": hard}})
    files = [
        {**STRIPE, "path": f"{folder}/stripe"},
        {"name": "odd", "path": f"{folder}/stripe", "key": "odd-key.1"},
        {
            "name": "both",
            "path": f"{folder}/stripe",
            "template": f'{{{{ with secret "{folder}/stripe" }}}}key={{{{ .Data.data.api_key }}}}'
            "{{ end }}",
        },
    ]
    await shop.start()
    await shop.provision("orders", **spec(name, secrets={"provider": "vault", "files": files}))
    code, said = await render(vault, tmp_path / "pod")
    assert code == 0, said
    assert (tmp_path / "pod" / "stripe_api_key").read_text().rstrip("\n") == "sk_test_1"
    assert (tmp_path / "pod" / "odd").read_text().rstrip("\n") == hard
    assert (tmp_path / "pod" / "both").read_text().rstrip("\n") == "key=sk_test_1"
    url = (tmp_path / "pod" / "database_url").read_text().strip()
    session = await asyncpg.connect(url)
    assert await session.fetchval("SELECT current_user") == name
    assert await session.fetchval("SELECT session_user") == urlsplit(url).username
    await session.close()


async def test_without_its_key_a_pod_does_not_start_and_its_agent_says_which(
    vault: Vault, name: str, tmp_path: Path
) -> None:
    shop = vault.shop
    path = f"secret/data/{shop.namespace}/orders/stripe"
    await vault.write(path, {"data": {"other": "x"}})
    files = [{**STRIPE, "path": path}]
    await shop.start()
    await shop.declare("orders", **spec(name, secrets={"provider": "vault", "files": files}))
    assert "no key api_key" in await shop.reason("orders", "SecretsReady", "SecretMissing")
    code, said = await render(vault, tmp_path / "pod")
    assert code != 0
    assert "the secret has no key api_key" in said
    assert not (tmp_path / "pod" / "stripe_api_key").exists()


async def test_a_pod_made_after_a_rotation_gets_the_other_login(
    vault: Vault, name: str, tmp_path: Path
) -> None:
    shop = vault.shop
    await shop.start()
    await shop.provision("orders", **spec(name))
    assert (await render(vault, tmp_path / "old"))[0] == 0
    await request(shop, "2030-01-01T00:00:01Z")
    path = f"database/creds/{shop.namespace}-orders_alt"
    while (await annotations(shop, "orders"))["agent-inject-secret-database_url"] != path:
        await asyncio.sleep(0.1)
    code, said = await render(vault, tmp_path / "new")
    assert code == 0, said
    for pod in ("old", "new"):
        await (await asyncpg.connect((tmp_path / pod / "database_url").read_text().strip())).close()


async def test_an_agent_that_is_asked_to_quit_gets_another_login_when_it_begins_anew(
    vault: Vault, name: str, tmp_path: Path
) -> None:
    shop, file, port = vault.shop, tmp_path / "pod" / "database_url", free_port()
    await shop.start()
    await shop.provision("orders", **spec(name))
    async with agent(vault, tmp_path / "pod", port=port) as process:
        ended = await written(file)
        await vault.write(f"sys/leases/revoke-prefix/database/creds/{shop.namespace}-orders", {})
        await refused(ended)
        async with httpx.AsyncClient() as http:
            # It may end before it answers.
            with suppress(httpx.RemoteProtocolError, httpx.ReadError):
                asked = await http.post(f"http://127.0.0.1:{port}/agent/v1/quit")
                assert asked.is_success, asked.text
        said, _ = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, said.decode()
    # As the kubelet does with a container that has ended.
    async with agent(vault, tmp_path / "pod", port=port):
        await (await asyncpg.connect(await written(file, after=ended))).close()


async def test_mongodbs_login_is_a_secret_that_a_rotation_writes_anew(
    vault: Vault, documents: object, mongodb: MongoDB, tmp_path: Path
) -> None:
    shop = vault.shop
    _ = documents  # its MongoDB is the running one
    name = f"m{shop.namespace}"
    host, _, port = mongodb.server.rpartition(":")
    shop.platform = shop.platform.model_copy(
        update={"mongodb_address": mongodb.server, "mongodb_host": host, "mongodb_port": int(port)}
    )
    database = {"kind": "mongodb", "name": name, "onDelete": "Drop"}
    await shop.start()
    await shop.provision("orders", database=database, secrets={"provider": "vault"})

    async def opens(pod: str) -> str:
        code, said = await render(vault, tmp_path / pod)
        assert code == 0, said
        url = urlsplit((tmp_path / pod / "database_url").read_text().strip())
        async with mongo_owner(mongodb, name, url.password or "", user=url.username or "") as owner:
            await owner[name]["things"].insert_one({"a": 1})
        return url.username or ""

    assert await opens("old") == name
    # As somebody may have set it, who wants every writer to say what is written over.
    metadata = f"secret/metadata/{shop.namespace}/orders/mongodb"
    await vault.write(metadata, {"cas_required": True, "delete_version_after": "1h"})
    await request(shop, "2030-01-01T00:00:01Z")
    secret = f"secret/data/{shop.namespace}/orders/mongodb"
    while f"//{name}_alt:" not in ((await vault.read(secret)) or {})["data"]["url"]:
        await asyncio.sleep(0.1)
    assert await opens("new") == f"{name}_alt"
    kept = await vault.read(metadata) or {}
    assert (kept["cas_required"], kept["delete_version_after"]) == (False, "0s")
    assert await shop.get(DEPLOYMENT, "orders") is not None
