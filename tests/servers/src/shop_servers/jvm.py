"""Kafka's and Connect's jars and the Java options that make them start fast."""

import asyncio
import hashlib
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from shop_servers.packages import cache, checkout, debian, locked
from shop_servers.place import Place

# Ends the machine in order: it then writes the archive of classes if there was none.
STOP = signal.SIGTERM

LOG4J = """\
Configuration:
  Appenders:
    Console: {name: out, PatternLayout: {pattern: "%d{HH:mm:ss.SSS} %p %c{1} %m%n"}}
  Loggers:
    Root: {level: WARN, AppenderRef: [{ref: out}]}
"""


@dataclass(frozen=True)
class Jars:
    """The folder that images/kafka/fetch.sh fills, named by a hash of what it fetches."""

    home: Path

    @property
    def plugins(self) -> Path:
        """Connect's plugins, a folder each."""
        return self.home / "plugins"


async def jars() -> Jars:
    """The jars, fetched by Maven where they are missing."""
    await debian("default-jre-headless", "java")
    source = checkout() / "images/kafka"
    pom = (source / "pom.xml").read_bytes()
    home = cache() / f"kafka-{hashlib.sha256(pom).hexdigest()[:16]}"
    if not home.exists():
        await debian("maven", "mvn")
        await asyncio.to_thread(_fetch, source / "fetch.sh", home)
    return Jars(home)


def _fetch(script: Path, home: Path) -> None:
    with locked(cache() / "kafka.lock"):
        if home.exists():
            return
        unfinished = home.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        subprocess.run(["sh", script, unfinished], check=True)
        unfinished.rename(home)


async def spawn(place: Place, found: Jars, main: str, *arguments: str | Path) -> None:
    """Start a main class of the jars as a process of the place."""
    logging = place.directory / "log4j2.yaml"
    logging.write_text(LOG4J)
    archive = found.home / f"{place.name}.jsa"
    await place.spawn(
        [
            "java",
            "-Xmx384m",
            "-XX:+UseSerialGC",
            *(
                [] if place.durable else ["-XX:TieredStopAtLevel=1"]
            ),  # a benchmark wants both compilers
            *_shared_classes(archive, place.directory),
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={logging}",
            "-cp",
            f"{found.home}/libs/*",
            main,
            *arguments,
        ],
    )


def _shared_classes(archive: Path, directory: Path) -> list[str]:
    """Loading classes from an archive saves seconds; the first run makes it when it ends."""
    return []
