"""Kafka's and Connect's jars and the Java options that make them start fast."""

import asyncio
import hashlib
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from shop_servers.instance import ServerInstance
from shop_servers.packages import cache, checkout, debian, locked

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
    inputs = (source / name for name in ("pom.xml", "fetch.sh", "patch_debezium.py"))
    fetched = b"".join(file.read_bytes() for file in inputs)
    home = cache() / f"kafka-{hashlib.sha256(fetched).hexdigest()[:16]}"
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


async def spawn(instance: ServerInstance, found: Jars, main: str, *arguments: str | Path) -> None:
    """Start a main class of the jars as a process of the instance."""
    logging = instance.directory / "log4j2.yaml"
    logging.write_text(LOG4J)
    java = await debian("default-jre-headless", "java")
    await instance.spawn(
        [
            java,
            "-Xmx384m",
            "-XX:+UseSerialGC",
            # Benchmarks want both compilers, tests a quick start.
            *([] if instance.durable else ["-XX:TieredStopAtLevel=1"]),
            _class_archive(instance, found, java.resolve()),
            f"-Dlog4j2.configurationFile={logging}",
            "-cp",
            f"{found.home}/libs/*",
            main,
            *arguments,
        ],
    )


def _class_archive(instance: ServerInstance, found: Jars, java: Path) -> str:
    """Classes from an archive save seconds of start; the first run writes it when it ends.

    An archive fits one build of Java and one list of jars (JDK-8185996, application class data).
    """
    build = hashlib.sha256(f"{java} {java.stat().st_mtime_ns}".encode()).hexdigest()[:8]
    archive = found.home / f"{instance.name}-{build}.jsa"
    if archive.exists():
        return f"-XX:SharedArchiveFile={archive}"
    unfinished = instance.directory / "classes.jsa"

    def keep() -> None:
        if unfinished.exists():
            moved = shutil.move(unfinished, archive.with_suffix(".unfinished"))
            Path(moved).rename(archive)

    instance.stop_with = signal.SIGTERM  # a killed machine writes nothing
    instance.after_stop = keep
    return f"-XX:ArchiveClassesAtExit={unfinished}"
