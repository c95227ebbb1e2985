"""Which images have one for development, without building any."""

from pathlib import Path

import pytest

from shop_cluster.development_images import ensure_development_image
from shop_cluster.errors import ClusterError
from shop_cluster.paths import ClusterPaths


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("operator", "only the shop's services"),
        ("mailbox", "only the shop's services"),
        ("postgres", "only the shop's services"),
        ("nobody", "no image nobody"),
    ],
)
def test_what_is_no_service_of_the_shop_has_none(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTER", "embedded")
    paths = ClusterPaths(state=tmp_path / "state", run=tmp_path / "run")
    with pytest.raises(ClusterError, match=said):
        ensure_development_image(paths, name)
