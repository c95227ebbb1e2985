"""An image is built anew when, and only when, something that it is made of changes."""

from pathlib import Path

import pytest

from shop_cluster.image_catalogue import Image, catalogue


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "pyproject.toml": '[project]\nversion = "1.2.3"\n',
        "uv.lock": "",
        "services/Dockerfile": "FROM scratch\n",
        "services/shared/pyproject.toml": "[project]\n",
        "services/shared/src/shared.py": "",
        "services/order/pyproject.toml": '[project.scripts]\nshop-order = "order:run"\n',
        "services/order/src/order.py": "",
        "services/user/pyproject.toml": '[project.scripts]\nshop-user = "user:run"\n',
        "services/user/src/user.py": "",
        "images/kafka/Dockerfile": "FROM scratch\n",
        "images/kafka/Dockerfile.strimzi": "FROM scratch\n",
        "images/kafka/fetch.sh": "",
        "operator/Dockerfile": "FROM scratch\n",
        "operator/pyproject.toml": "[project]\n",
        "operator/src/operator.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def images(root: Path) -> dict[str, Image]:
    return {image.name: image for image in catalogue(root)}


def changed_by(root: Path, name: str) -> set[str]:
    before = {name: image.content() for name, image in images(root).items()}
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("another content")
    return {name for name, image in images(root).items() if image.content() != before[name]}


def test_every_service_store_and_the_operator_have_an_image(root: Path) -> None:
    assert set(images(root)) == {"kafka", "connect", "operator", "order", "user"}
    assert images(root)["order"].tag == "docker.io/minishop/order:1.2.3"
    assert images(root)["order"].arguments == {"SERVICE": "order"}


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("services/order/src/order.py", {"order"}),
        ("services/order/src/new.py", {"order"}),
        ("services/shared/src/shared.py", {"order", "user"}),
        ("uv.lock", {"order", "user", "operator"}),
        ("images/kafka/fetch.sh", {"kafka", "connect"}),
        ("images/kafka/Dockerfile", {"kafka"}),
        ("images/kafka/Dockerfile.strimzi", {"connect"}),
        ("operator/src/operator.py", {"operator"}),
        ("services/order/tests/test_order.py", set()),
        ("services/order/src/__pycache__/order.pyc", set()),
        ("images/kafka/fetched/libs/kafka.jar", set()),
    ],
)
def test_what_a_change_builds_anew(root: Path, file: str, names: set[str]) -> None:
    assert changed_by(root, file) == names
