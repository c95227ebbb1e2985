"""Vault's set-up: the operator's policy and role, and secrets that are not there yet.

Vault's root token is revoked by its own first start. This logs in by a token of a ServiceAccount
for which the cluster's administrator may make one. Run again, it changes only what differs.

Source: OpenBao, "Kubernetes auth method (API)"; "KV secrets engine - version 2 (API)".
"""

import re
import ssl
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import httpx

from shop_cluster.errors import ClusterError
from shop_cluster.kubernetes_api import Resource
from shop_cluster.paths import checkout
from shop_cluster.platform_secrets import NAMESPACE
from shop_cluster.shell import run
from shop_cluster.vault import OPERATOR_NAMESPACE, trusted

_OPERATOR = "minishop-operator"
_TIMEOUT_SECONDS = 30


def set_up(kubectl: Sequence[str], contents: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Write the operator's policy and role, and the secrets that are not there yet.

    `contents` are secrets by their path in the engine `secret`. Returns the paths of those that
    were written. Raises ClusterError.
    """
    with _administrator(kubectl) as http:
        _allow_operator(http)
        return [path for path, values in contents.items() if _is_new(http, path, values)]


def written(kubectl: Sequence[str], paths: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return those secrets of the engine `secret` that are there, by path. Raises ClusterError."""
    found = {}
    with _administrator(kubectl) as http:
        for path in paths:
            answer = http.get(f"secret/data/{path}")
            if answer.status_code != HTTPStatus.NOT_FOUND:
                found[path] = _check(answer).json()["data"]["data"]
    return found


@contextmanager
def _administrator(kubectl: Sequence[str]) -> Iterator[httpx.Client]:
    """Log in as Vault's administrator. Raises ClusterError."""
    with reachable(kubectl) as http:
        asked = ("create", "token", "vault-administrator", f"-n={NAMESPACE}")
        login = {"role": "administrator", "jwt": run(*kubectl, *asked).strip()}
        token = _write(http, "auth/kubernetes/login", login).json()["auth"]["client_token"]
        http.headers["X-Vault-Token"] = token
        try:
            yield http
        finally:
            _write(http, "auth/token/revoke-self", {})


def paths_of(manifests: Iterable[Resource]) -> dict[str, dict[str, str]]:
    """Return Secrets as Vault has them: `payment-stripe` is `<namespace>/payment/stripe`."""
    found = {}
    for manifest in manifests:
        name = manifest["metadata"]["name"].replace("-", "/", 1)
        found[f"{manifest['metadata']['namespace']}/{name}"] = manifest["stringData"]
    return found


def _allow_operator(http: httpx.Client) -> None:
    rules = checkout() / "manifests" / "platform" / "vault" / "operator-policy.hcl"
    _write(http, f"sys/policies/acl/{_OPERATOR}", {"policy": rules.read_text()})
    role = {
        "bound_service_account_names": ["shop-operator"],
        "bound_service_account_namespaces": [OPERATOR_NAMESPACE],
        "token_policies": [_OPERATOR],
        "token_ttl": "20m",
    }
    _write(http, f"auth/kubernetes/role/{_OPERATOR}", role)


def _is_new(http: httpx.Client, path: str, values: Mapping[str, str]) -> bool:
    """Write a secret of which there is no version; return False where there is one, and keep it."""
    found = http.get(f"secret/metadata/{path}")
    if found.status_code != HTTPStatus.NOT_FOUND:
        _check(found)
        return False
    _write(http, f"secret/data/{path}", {"options": {"cas": 0}, "data": dict(values)})
    return True


def _write(http: httpx.Client, path: str, values: Mapping[str, Any]) -> httpx.Response:
    return _check(http.post(path, json=values))


def _check(response: httpx.Response) -> httpx.Response:
    if response.is_error:
        where = response.request.url.path
        raise ClusterError(f"Vault refuses {response.request.method} {where}: {response.text}")
    return response


@contextmanager
def reachable(kubectl: Sequence[str]) -> Iterator[httpx.Client]:
    """Forward a port of this machine to Vault's pod. Raises ClusterError."""
    trust = ssl.create_default_context(cadata=trusted(kubectl))
    forward = (*kubectl, "port-forward", f"-n={NAMESPACE}", "service/vault", ":8200")
    with subprocess.Popen(  # noqa: S603 - our own words
        forward, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as forwarding:
        try:
            port = _port(forwarding)
            url = f"https://127.0.0.1:{port}/v1/"
            with httpx.Client(
                base_url=url, verify=trust, timeout=_TIMEOUT_SECONDS, trust_env=False
            ) as http:
                yield http
        except httpx.TransportError as error:
            raise ClusterError(f"Vault does not answer: {error}") from error
        finally:
            forwarding.terminate()


def _port(forwarding: "subprocess.Popen[str]") -> int:
    """Return the port that kubectl chose."""
    if forwarding.stdout is None:
        raise AssertionError("it was asked for")
    said = forwarding.stdout.readline()
    found = re.search(r"127\.0\.0\.1:(\d+) ->", said)
    if found is None:
        raise ClusterError(f"Vault's port can't be forwarded: {said.strip()}")
    return int(found[1])
