"""The real `shop-operator run`, a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from shop_operator.settings import Settings


@contextmanager
def operator_program(
    platform: Settings, kubeconfig: Path, log: Path, **settings: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the operator for a test's namespaces until the block ends; `log` gets what it says."""
    environment = {
        "MINISHOP_NAMESPACES": orjson.dumps(platform.namespaces).decode(),
        "MINISHOP_OPERATOR_NAMESPACE": platform.operator_namespace,
        "MINISHOP_PLATFORM_NAMESPACE": platform.platform_namespace,
        "MINISHOP_KAFKA_NAMESPACE": platform.kafka_namespace,
        "MINISHOP_KAFKA_BOOTSTRAP": platform.kafka_bootstrap,
        "MINISHOP_POSTGRES_ADDRESS": platform.postgres_address,
        "MINISHOP_REDIS_ADMIN_ADDRESS": platform.redis_admin_address,
        "MINISHOP_RABBITMQ_MANAGEMENT_URL": platform.rabbitmq_management_url,
        "MINISHOP_LEASE_SECONDS": "6",
        "MINISHOP_HTTP_PORT": "0",
    }
    command = [Path(sys.executable).with_name("shop-operator"), "run", "--kubeconfig", kubeconfig]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command], env=os.environ | environment | settings, stderr=output
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(120)
