"""The fields of a ShopService's spec that are about its pods, typed and read-only."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Part(BaseModel):
    """A part of the spec: read-only, its fields in camel case, unknown ones left out."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True
    )


class Lag(Part):
    """How many waiting messages one pod is meant to have."""

    per_pod: int = 100


class Autoscaling(Part):
    """Bounds and targets of the autoscaler: by CPU, with `lag` also by waiting messages."""

    max: int
    min: int = 1
    cpu_percent: int = 70
    lag: Lag | None = None


class TemplateMetadata(Part):
    """Further labels and annotations of the pods."""

    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Template(Part):
    """Additions to the pods, in Kubernetes' own shape; the API server has checked `spec`."""

    metadata: TemplateMetadata = TemplateMetadata()
    spec: dict[str, Any] = Field(default_factory=dict)


class EnvVar(Part):
    """An environment variable in clear."""

    name: str
    value: str = ""


class Resources(Part):
    """Kubernetes quantities by resource name."""

    requests: dict[str, str | int] = Field(default_factory=dict)
    limits: dict[str, str | int] = Field(default_factory=dict)


# Both or neither: a default limit could be below what a spec requests.
MODEST = Resources(requests={"cpu": "50m", "memory": "96Mi"}, limits={"memory": "256Mi"})


class Probes(Part):
    """HTTP paths."""

    liveness: str = "/livez"
    readiness: str = "/readyz"
    startup: str = "/startupz"
