"""Runs commands that read Kafka: here with `--kafka`, else in the operator's pod.

Kafka's brokers advertise names inside the cluster, so a port-forward does not help.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from aiokafka.errors import KafkaError

from shop_operator.cli import kubectl
from shop_operator.cli.kafka_log import KafkaLog, open_log
from shop_operator.settings import Settings

DEPLOYMENT = "deploy/shop-operator"
Reader = Callable[[KafkaLog], Awaitable[int]]


def add_kafka(parser: argparse.ArgumentParser) -> None:
    """Add `--kafka`."""
    parser.add_argument(
        "--kafka",
        type=_servers,
        metavar="HOST:PORT",
        help="Kafka, if it can be reached from here",
    )


async def with_kafka(
    platform: Settings, options: argparse.Namespace, reader: Reader, words: Sequence[str]
) -> int:
    """Run reader with the log here, or the command of these words in the operator's pod."""
    if options.kafka:
        try:
            async with open_log(options.kafka) as log:
                return await reader(log)
        except KafkaError as error:
            sys.stderr.write(f"kubectl shop: Kafka at {options.kafka}: {error}\n")
            return 3
    place = ["-n", platform.operator_namespace, DEPLOYMENT]
    # The image has the code, not the console scripts.
    plugin = ["python", "-m", "shop_operator.cli.main"]
    inside = [*plugin, *words, "--kafka", platform.kafka_bootstrap]
    return await asyncio.to_thread(kubectl.run, "exec", *place, "--", *inside)


def _servers(text: str) -> str:
    """Return addresses with commas between them. Raises ArgumentTypeError."""
    for address in text.split(","):
        try:
            found = urlsplit(f"//{address}")
            is_address = bool(found.hostname and found.port)
        except ValueError:
            is_address = False
        if not is_address:
            raise argparse.ArgumentTypeError(f"{address!r} is not HOST:PORT")
    return text
