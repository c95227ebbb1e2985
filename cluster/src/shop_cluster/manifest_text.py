"""Reads manifests as Kubernetes does: by YAML 1.2, where `=` is a string like any other."""

from typing import Any

import yaml

from shop_cluster.kubernetes_api import Resource


class _Loader(yaml.CSafeLoader):
    """PyYAML's, without the value type of YAML 1.1, for which it has no constructor."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {  # noqa: RUF012 - as PyYAML has it
        first: found
        for first, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
        if first != "="
    }


def parse(text: str) -> list[Resource]:
    """Return the objects of a text of manifests; empty documents are left out."""
    return [found for found in yaml.load_all(text, Loader=_Loader) if found]
