"""The jars are those that images/kafka/fetch.sh makes of what Maven brings."""

import runpy
import zipfile

from shop_servers.jvm import jars
from shop_servers.packages import checkout


async def test_an_idle_connector_sleeps_to_the_end_of_its_pause() -> None:
    """Both plugins have a Debezium core of their own; the timer of each is the patched one."""
    patch = runpy.run_path(str(checkout() / "images/kafka/patch_debezium.py"))
    cores = list((await jars()).plugins.glob("debezium-*/debezium-core-*.jar"))
    assert len(cores) == 2
    for core in cores:
        with zipfile.ZipFile(core) as jar:
            timer = jar.read(patch["TIMER"])
        assert patch["AT_LEAST"] in timer
        assert patch["MORE"] not in timer
