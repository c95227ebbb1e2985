"""The few calls to an API server that the platform's controllers make."""

import base64
import os
import ssl
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

Resource = dict[str, Any]
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class KubernetesApi:
    """A client of one API server; paths begin with ``/api`` or ``/apis``.

    Every call raises httpx.HTTPStatusError for an answer of 400 and above, and
    httpx.TransportError when there is none.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    @classmethod
    def from_environment(cls) -> Self:
        """Return a client for the cluster this process runs in, else for the one in KUBECONFIG."""
        if _ACCOUNT.is_dir():
            host, port = (os.environ[f"KUBERNETES_SERVICE_{part}"] for part in ("HOST", "PORT"))
            context = ssl.create_default_context(cafile=str(_ACCOUNT / "ca.crt"))
            server = f"https://{host}:{port}"
            return cls(
                httpx.AsyncClient(
                    base_url=server, verify=context, auth=_AccountToken(), trust_env=False
                )
            )
        return cls.from_kubeconfig(Path(os.environ["KUBECONFIG"]))

    @classmethod
    def from_kubeconfig(cls, path: Path) -> Self:
        """Return a client for a kubeconfig's only cluster and user, with inline certificates."""
        config = yaml.safe_load(path.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        with tempfile.NamedTemporaryFile() as pair:  # ssl reads keys from files only
            for part in ("client-certificate-data", "client-key-data"):
                pair.write(base64.b64decode(user[part]) + b"\n")
            pair.flush()
            context.load_cert_chain(pair.name)
        return cls(httpx.AsyncClient(base_url=cluster["server"], verify=context, trust_env=False))

    async def get(self, path: str) -> Resource:
        """Return one object."""
        found: Resource = (await self._http.get(path)).raise_for_status().json()
        return found

    async def list(self, path: str, *, labels: Mapping[str, str]) -> list[Resource]:
        """Return the items of a collection that carry the labels."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        found = await self._http.get(path, params={"labelSelector": selector})
        items: list[Resource] = found.raise_for_status().json()["items"]
        return items

    async def merge(self, path: str, patch: Resource) -> Resource:
        """Merge a patch in one object (RFC 7396) and return the object."""
        kind = {"Content-Type": "application/merge-patch+json"}
        answer = await self._http.patch(path, json=patch, headers=kind)
        merged: Resource = answer.raise_for_status().json()
        return merged

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


class _AccountToken(httpx.Auth):
    """Sends the service account's token, read anew each time: the kubelet renews it."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = (_ACCOUNT / "token").read_text()
        request.headers["Authorization"] = f"Bearer {token}"
        yield request
