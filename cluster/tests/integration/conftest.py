import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from shop_cluster import kind, packages
from shop_cluster.base_images import python_base
from shop_cluster.build import pause, shopkube
from shop_cluster.down import down
from shop_cluster.errors import ClusterError
from shop_cluster.image_import import has_image, import_image
from shop_cluster.images import ensure, selected
from shop_cluster.paths import ClusterPaths
from shop_cluster.platform import install
from shop_cluster.preflight import check_user
from shop_cluster.progress import say
from shop_cluster.published_crds import EMBEDDED, published
from shop_cluster.secrets_provider import VAULT_IMAGES
from shop_cluster.shell import run
from shop_cluster.up import up

Kubectl = Callable[..., str]
IMAGE = "docker.io/minishop/test-base:1"


@pytest.fixture(scope="session")
def borrowed() -> bool:
    """Whether somebody else's cluster runs, which no test may take away."""
    if kind.chosen() != "embedded":
        pytest.skip(f"CLUSTER={kind.chosen()}")
    try:
        check_user()
    except ClusterError as error:
        pytest.skip(str(error))
    return ClusterPaths.of_this_machine().programs.exists()


@pytest.fixture(scope="session")
def machine(borrowed: bool) -> Iterator[ClusterPaths]:  # noqa: FBT001 - a fixture
    """Root on Linux; a cluster that was not there before is gone afterwards.

    What the first `up` of a machine installs and builds is there: no test waits for it, or takes
    it for a trace of a cluster.
    """
    paths = ClusterPaths.of_this_machine()
    packages.install_missing()
    shopkube()
    pause()
    yield paths
    if not borrowed:
        down(paths)


@pytest.fixture
def cluster(machine: ClusterPaths) -> ClusterPaths:
    up(machine)
    return machine


@pytest.fixture(scope="module")
def platform(machine: ClusterPaths) -> ClusterPaths:
    """The cluster with its stores, Kafka and Connect ready."""
    up(machine)
    for image in selected("embedded", platform=True):
        if image.name not in VAULT_IMAGES:
            ensure(machine, image)
    kubectl = (str(shopkube()), "kubectl")
    install(
        kubectl=kubectl,
        kubeconfig=machine.kubeconfig,
        overlay="embedded",
        crds=published(EMBEDDED),
        report=say,
    )
    return machine


@pytest.fixture
def image(cluster: ClusterPaths) -> str:
    tag = python_base()
    identity = run("buildah", "inspect", "--type=image", "--format={{.FromImageID}}", tag).strip()
    if not has_image(cluster, IMAGE, identity):
        import_image(cluster, IMAGE, identity)
    return IMAGE


@pytest.fixture
def kubectl(cluster: ClusterPaths) -> Kubectl:
    def call(*words: str, stdin: str | None = None) -> str:
        command = [str(shopkube()), "kubectl", f"--kubeconfig={cluster.kubeconfig}", *words]
        done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=False)
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        return done.stdout

    return call


@pytest.fixture
def namespace(kubectl: Kubectl) -> Iterator[str]:
    name = f"cluster-test-{time.time_ns()}"
    kubectl("create", "namespace", name)
    kubectl("wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=60s")
    yield name
    kubectl("delete", "namespace", name, "--wait=false")
