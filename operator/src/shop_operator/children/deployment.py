"""The Deployment: hardened pods, with a migration as init container."""

from typing import Any

from shop_operator.children.access_secret import (
    RENEWED_ANNOTATION,
    Access,
    access_files,
    access_name,
)
from shop_operator.children.pod_template import HARDENED, MIGRATING, SERVING, USER, merged
from shop_operator.children.service import PORT_NAME
from shop_operator.children.vault import AGENT_URL, has_lease, vault_files
from shop_operator.children.vault import annotations as vault_annotations
from shop_operator.metadata import Manifest, labels, owned, selector
from shop_operator.names import topic_prefix
from shop_operator.settings import Settings
from shop_operator.spec import ShopService

SECRETS_DIRECTORY = "/vault/secrets"


def deployment(service: ShopService, platform: Settings, access: Access) -> Manifest:
    """Return the Deployment; without replicas where an autoscaler owns them.

    Another time of `access.renewed` replaces the pods.
    """
    spec = service.spec
    desired: Manifest = {
        "revisionHistoryLimit": 3,
        "progressDeadlineSeconds": spec.progress_deadline_seconds,
        "selector": {"matchLabels": selector(service)},
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
        },
        "template": merged(
            service,
            {
                "metadata": _template_metadata(service, platform, access),
                "spec": _pod(service, platform),
            },
        ),
    }
    if spec.autoscaling is None:
        desired["replicas"] = spec.replicas
    return owned(service, "apps/v1", "Deployment", spec=desired)


def _template_metadata(service: ShopService, platform: Settings, access: Access) -> Manifest:
    found = labels(service)
    if service.spec.route_table is not None:
        found |= platform.gateway_pod_labels
    metadata: Manifest = {"labels": found}
    annotations = dict(
        vault_annotations(service, platform, access)
        if service.spec.secrets.provider == "vault"
        else ()
    )
    if access.renewed is not None:
        annotations[RENEWED_ANNOTATION] = access.renewed
    if annotations:
        metadata["annotations"] = annotations
    return metadata


def _pod(service: ShopService, platform: Settings) -> Manifest:
    pod: Manifest = {
        "serviceAccountName": service.name,
        "automountServiceAccountToken": service.spec.secrets.provider == "vault",
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 30,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": selector(service)},
            }
        ],
        "volumes": list(_volumes(service, platform).values()),
        "containers": [_serving(service, platform)],
    }
    database = service.spec.database
    if database is not None and database.migrate:
        pod["initContainers"] = [_container(service, platform, name=MIGRATING, word="migrate")]
    return pod


def _serving(service: ShopService, platform: Settings) -> Manifest:
    probes = service.spec.probes
    return _container(service, platform, name=SERVING, word="serve") | {
        "ports": [{"name": PORT_NAME, "containerPort": service.spec.port, "protocol": "TCP"}],
        "startupProbe": _probe(probes.startup, period=1, failures=120),
        "readinessProbe": _probe(probes.readiness, period=5, failures=2),
        "livenessProbe": _probe(probes.liveness, period=10, failures=3),
        # Endpoints drop a pod a moment after it is told to stop; requests still arrive until then.
        "lifecycle": {"preStop": {"sleep": {"seconds": 3}}},
    }


def _container(service: ShopService, platform: Settings, *, name: str, word: str) -> Manifest:
    resources = service.spec.resources
    return {
        "name": name,
        "image": service.spec.image,
        "imagePullPolicy": "IfNotPresent",
        "args": [word],
        "env": _environment(service, platform),
        "resources": {"requests": dict(resources.requests), "limits": dict(resources.limits)},
        "securityContext": HARDENED,
        "volumeMounts": _mounts(service, platform),
    }


def _probe(path: str, *, period: int, failures: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": PORT_NAME},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _environment(service: ShopService, platform: Settings) -> list[dict[str, Any]]:
    values = {
        "SERVICE_NAME": service.name,
        "PORT": str(service.spec.port),
        "KAFKA_BOOTSTRAP_SERVERS": platform.kafka_bootstrap,
    }
    if prefix := topic_prefix(service.namespace, platform):
        values["KAFKA_TOPIC_PREFIX"] = prefix
    if service.spec.cache and platform.is_scoped(service.namespace):
        values["REDIS_KEY_PREFIX"] = f"{service.namespace}:"
    if platform.otlp_endpoint:
        values["OTEL_EXPORTER_OTLP_ENDPOINT"] = platform.otlp_endpoint
    if has_lease(service):
        values["VAULT_AGENT_URL"] = AGENT_URL
    values |= {variable.name: variable.value for variable in service.spec.env}
    found: list[dict[str, Any]] = [
        {"name": name, "value": value} if value else {"name": name}
        for name, value in values.items()
    ]
    if service.spec.secrets.provider == "vault":
        # The injector mounts its own volume at the files' directory, so these come another way.
        found += [
            {
                "name": file.upper(),
                "valueFrom": {"secretKeyRef": {"name": access_name(service), "key": file}},
            }
            for file in access_files(service)
            if file.upper() not in values and file not in vault_files(service)
        ]
    return found


def _volumes(service: ShopService, platform: Settings) -> dict[str, Manifest]:
    spec = service.spec
    found: dict[str, Manifest] = {"/tmp": {"name": "tmp", "emptyDir": {}}}  # noqa: S108 - a pod's
    sources: list[Manifest] = []
    if spec.secrets.provider == "kubernetes":
        if service.has_access_secret:
            items = [{"key": file, "path": file} for file in access_files(service)]
            sources.append({"secret": {"name": access_name(service), "items": items}})
        for file in spec.secrets.files:
            secret, _, key = file.path.partition("/")
            items = [{"key": key, "path": file.name}]
            sources.append({"secret": {"name": secret, "items": items}})
    if sources:
        projected = {"sources": sources, "defaultMode": 0o440}
        found[SECRETS_DIRECTORY] = {"name": "secrets", "projected": projected}
    if spec.route_table is not None:
        table = {"name": platform.route_table, "optional": True}
        found[spec.route_table.mount_path] = {"name": "routes", "configMap": table}
    return found


def _mounts(service: ShopService, platform: Settings) -> list[Manifest]:
    return [
        {"name": volume["name"], "mountPath": path} | ({} if path == "/tmp" else {"readOnly": True})  # noqa: S108 - a pod's
        for path, volume in _volumes(service, platform).items()
    ]
