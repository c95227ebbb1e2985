"""`kubectl shop init` makes a service that works as it is: its own tests run here."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from shop_servers.servers import Database

from shop_operator.children.prometheus_rule import prometheus_rules
from shop_operator.spec import parse

from .command import kubectl_shop
from .shop import Shop


@pytest.mark.parametrize("name", ["reviews", "gift-cards", "press"])
async def test_the_new_service_passes_its_tests_and_is_accepted(
    shop: Shop, tmp_path: Path, postgres_database: Database, name: str
) -> None:
    done = kubectl_shop("init", name, "--in", str(tmp_path))
    assert done.returncode == 0, done.stderr
    folder = tmp_path / name
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    environment = {**os.environ, "DATABASE_URL": postgres_database.url}
    tests = await asyncio.to_thread(
        subprocess.run, command, cwd=folder, capture_output=True, text=True, env=environment
    )
    assert tests.returncode == 0, tests.stdout
    assert "3 passed" in tests.stdout
    body = yaml.safe_load((folder / "shopservice.yaml").read_text())
    body["metadata"]["namespace"] = shop.namespace
    made = await shop.client.apply(body, dry_run=True, manager="user")
    alerts = json.dumps([*prometheus_rules(parse(made), shop.platform)])
    asked = set(re.findall(r"\b(http_\w+?)(?:_bucket)?\{", alerts))
    source = (folder / "service.py").read_text()
    assert asked
    assert [each for each in asked if f'"{each}"' not in source] == []
    assert not [f for f in folder.iterdir() if f.is_file() and "{{" in f.read_text()]


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "reviews").mkdir()
    done = kubectl_shop("init", "reviews", "--in", str(tmp_path))
    assert (done.returncode, list((tmp_path / "reviews").iterdir())) == (2, [])
    assert "is there already" in done.stderr


@pytest.mark.parametrize("name", ["Reviews", "9lives", "a_b", "", "../a"])
def test_a_name_that_no_service_may_have_is_refused(tmp_path: Path, name: str) -> None:
    done = kubectl_shop("init", name, "--in", str(tmp_path))
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
