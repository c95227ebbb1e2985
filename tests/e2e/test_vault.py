"""The services' secrets from the cluster's Vault: who may read what, and where values are seen."""

import asyncio
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx
import pytest
from shop_journey import orders
from shop_journey.customer import Customer
from shop_journey.kubectl import Kubectl

from e2e.vault_access import NEEDS_VAULT, lease, log_in
from shop_cluster.shell import run
from shop_cluster.vault_setup import reachable
from store_access import POSTGRES_SERVICES, from_cluster

pytestmark = NEEDS_VAULT
LogIn = Callable[[str], None]
RENDERED_SECONDS = 180
BACK_SECONDS = 180
LEFT_SECONDS = 120
"""How long a pod may take to leave that another test had run without Vault."""


@pytest.fixture
def words(kubectl: Kubectl) -> list[str]:
    """Return the words of a call of kubectl on the cluster with the shop."""
    return kubectl.command()


@pytest.fixture
def vault(words: list[str]) -> Iterator[httpx.Client]:
    with reachable(words) as http:
        yield http


@pytest.fixture
def log_in_as(words: list[str], vault: httpx.Client) -> LogIn:
    return partial(log_in, words, vault)


def audited(words: list[str], path: str) -> list[dict[str, object]]:
    """Return the answers in the audit log to requests of a path."""
    lines = run(*words, "logs", "vault-0", "-n=platform", "--since=2m").splitlines()
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    return [
        entry
        for entry in entries
        if entry["type"] == "response" and entry["request"]["path"] == path
    ]


def test_a_service_is_denied_what_is_anothers_and_the_audit_log_shows_it(
    words: list[str], vault: httpx.Client, log_in_as: LogIn
) -> None:
    log_in_as("order")
    assert lease(vault, "order")["username"].startswith("v-")
    for path in ("secret/data/shop/payment/stripe", "database/creds/shop-payment"):
        assert vault.get(path).status_code == 403
        entry = audited(words, path)[-1]
        assert "permission denied" in str(entry["error"])
        assert "order" in json.dumps(entry["auth"])
    for path in ("sys/policies/acl/shop-order", "auth/kubernetes/role/shop-order"):
        assert vault.post(path, json={}).status_code == 403
    token = vault.headers.pop("X-Vault-Token")
    jwt = run(*words, "create", "token", "order", "-n=shop").strip()
    answer = vault.post("auth/kubernetes/login", json={"role": "shop-payment", "jwt": jwt})
    assert answer.status_code in (400, 403)
    vault.post("auth/token/revoke-self", json={}, headers={"X-Vault-Token": token})
    vault.headers["X-Vault-Token"] = token
    with pytest.raises(httpx.HTTPStatusError):
        lease(vault, "order")


async def test_each_service_is_logged_in_to_postgresql_by_a_lease(kubectl: Kubectl) -> None:
    deadline = time.monotonic() + LEFT_SECONDS
    async with from_cluster(kubectl.kubeconfig) as stores:
        while True:
            sessions = await stores.rows(
                "order",
                "SELECT DISTINCT application_name AS service, usename AS login,"
                " rolvaliduntil AS ends FROM pg_stat_activity JOIN pg_roles ON rolname = usename"
                " WHERE datname IS NOT NULL",
            )
            # Others are the operator's and Debezium's.
            of_services = [each for each in sessions if each["service"] in POSTGRES_SERVICES]
            otherwise = [
                each
                for each in of_services
                if not each["login"].startswith("v-") or each["ends"] is None
            ]
            if not otherwise:
                break
            assert time.monotonic() < deadline, otherwise
            await asyncio.sleep(1)
    assert {each["service"] for each in of_services} == set(POSTGRES_SERVICES)


def test_no_secret_is_seen_outside_its_files(
    words: list[str], vault: httpx.Client, log_in_as: LogIn
) -> None:
    log_in_as("administrator")
    canary = secrets.token_hex(12)
    path = "secret/data/shop/notification/push"
    before = vault.get(path).json()["data"]["data"]
    vault.post(path, json={"data": before | {"token": canary}}).raise_for_status()
    try:
        inside = ("exec", "-n=shop", "deploy/notification", "-c=service", "--", "cat")
        deadline = time.monotonic() + RENDERED_SECONDS
        while run(*words, *inside, "/vault/secrets/push_token") != canary:
            assert time.monotonic() < deadline, "the new value is not in the pod"
            time.sleep(1)
        url = run(*words, *inside, "/vault/secrets/database_url")
        [password] = re.findall(r"^postgresql://v-[^:]+:([^@]+)@", url)
        for value in (canary, password):
            assert [where for where, text in seen(words) if value in text] == []
    finally:
        vault.post(path, json={"data": before}).raise_for_status()


def seen(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what people and programs other than the service read.

    Objects, events, logs, and the databases: what is in an outbox is what a topic gets.
    """
    kinds = "shopservices,deployments,pods,configmaps,secrets,events,replicasets"
    for namespace in ("shop", "minishop-system", "platform"):
        yield f"objects of {namespace}", run(*words, "get", kinds, f"-n={namespace}", "-o=yaml")
        pods = run(*words, "get", "pods", f"-n={namespace}", "-o=name").split()
        for pod in pods:
            logs = ("logs", pod, f"-n={namespace}", "--all-containers", "--ignore-errors")
            yield f"log of {pod}", run(*words, *logs)
    in_postgres = ("exec", "-n=platform", "postgres-0", "--")
    dump = run(*words, *in_postgres, "pg_dumpall", "--username=postgres")
    assert "COPY public.outbox" in dump
    yield "databases", dump


async def test_a_vault_that_is_killed_opens_by_itself_and_the_shop_goes_on(
    kubectl: Kubectl, customer: Customer
) -> None:
    product = (await orders.well_stocked(customer))[0]
    killed = await kubectl.get("pod", "vault-0", "-n=platform")
    await kubectl("delete", "pod", "vault-0", "-n=platform", "--grace-period=0", "--force")
    order = await customer.order({product["id"]: 1}, orders.STRIPE | {"token": "pm_card_visa"})
    assert (await customer.settled(order["id"], seconds=60))["status"] == "delivered"
    async with asyncio.timeout(BACK_SECONDS):
        while not is_ready_again(await kubectl.get("pods", "-n=platform"), killed):
            await asyncio.sleep(0.5)
    with reachable(kubectl.command()) as http:
        status = http.get("sys/seal-status").json()
    assert (status["initialized"], status["sealed"]) == (True, False)


def is_ready_again(pods: dict[str, Any], killed: dict[str, Any]) -> bool:
    """Return True once another pod of the name is ready."""
    return any(
        pod["metadata"]["name"] == killed["metadata"]["name"]
        and pod["metadata"]["uid"] != killed["metadata"]["uid"]
        and any(
            (found["type"], found["status"]) == ("Ready", "True")
            for found in pod["status"].get("conditions", [])
        )
        for pod in pods["items"]
    )
