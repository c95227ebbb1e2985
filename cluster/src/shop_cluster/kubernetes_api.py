"""The few calls to an API server that the platform's controllers make."""

import os
import ssl
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx

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
    def from_pod(cls) -> Self:
        """Return a client for the cluster whose pod this process runs in."""
        host, port = (os.environ[f"KUBERNETES_SERVICE_{part}"] for part in ("HOST", "PORT"))
        context = ssl.create_default_context(cafile=str(_ACCOUNT / "ca.crt"))
        http = httpx.AsyncClient(
            base_url=f"https://{host}:{port}", verify=context, auth=_AccountToken(), trust_env=False
        )
        return cls(http)

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


class _AccountToken(httpx.Auth):
    """Sends the service account's token, read anew each time: the kubelet renews it."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = (_ACCOUNT / "token").read_text()
        request.headers["Authorization"] = f"Bearer {token}"
        yield request
