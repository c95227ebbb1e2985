"""OpenTofu with the providers that `terraform/` names, all built from `tools/`, by no registry."""

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from shop_cluster.build import content_hash, tool
from shop_cluster.errors import ClusterError
from shop_cluster.paths import cache, checkout
from shop_cluster.published_crds import EMBEDDED, published

_PROVIDERS = {
    "kbst/kustomization": "terraform-provider-kustomization",
    "gavinbunney/kubectl": "terraform-provider-kubectl",
}
_PLATFORM = "linux_amd64"


def run(arguments: Sequence[str]) -> int:
    """Run `tofu` with these arguments, and return how it ended.

    Raises:
        ClusterError: it, or a provider, could not be built.

    """
    done = subprocess.run([str(tool("tofu")), *arguments], env=environment(), check=False)  # noqa: S603 - the user's own words
    return done.returncode


def environment() -> Mapping[str, str]:
    """Return the environment in which `tofu` finds its providers, and the CRDs for `-var crds`.

    Raises:
        ClusterError: a provider could not be built.

    """
    crds = json.dumps([str(file) for file in published(EMBEDDED)])
    return {"TF_VAR_crds": crds, **os.environ, "TF_CLI_CONFIG_FILE": str(_configuration())}


def _configuration() -> Path:
    """Write, once a content, a mirror of the providers and the file that names it."""
    programs = {name: tool(program) for name, program in _PROVIDERS.items()}
    folder = cache() / f"tofu-{content_hash([], *map(str, programs.values()))}"
    for name, program in programs.items():
        version = _version(program.name, name)
        place = folder / "mirror" / "registry.opentofu.org" / name / version / _PLATFORM
        place.mkdir(parents=True, exist_ok=True)
        link = place / f"{program.name}_v{version}"
        if not link.exists():
            link.symlink_to(program)
    file = folder / "tofu.rc"
    mirror = folder / "mirror"
    file.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n')
    return file


def _version(program: str, provider: str) -> str:
    """Return the version that the module of a provider is locked at."""
    text = (checkout() / "tools" / program / "go.mod").read_text()
    owner, _, name = provider.partition("/")
    found = re.search(rf"^require github\.com/{owner}/\S+ v(\S+)$", text, re.MULTILINE)
    if found is None:
        raise ClusterError(f"tools/{program}/go.mod does not require {owner}'s provider {name}")
    return found[1]
