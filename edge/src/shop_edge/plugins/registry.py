"""Which plugins there are, and what a route's plugins come to in Envoy."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from shop_edge.entities import Plugin, entity_errors, without_nulls
from shop_edge.errors import EntityError, InvalidConfigError
from shop_edge.plugins import (
    correlation_id,
    cors,
    ip_restriction,
    rate_limiting,
    request_size_limiting,
    response_transformer,
)
from shop_edge.plugins.settings import TYPE, PluginSettings

KNOWN: Mapping[str, type[PluginSettings]] = {
    each.plugin: each
    for each in (
        correlation_id.CorrelationId,
        cors.Cors,
        ip_restriction.IpRestriction,
        rate_limiting.RateLimiting,
        request_size_limiting.RequestSizeLimiting,
        response_transformer.ResponseTransformer,
    )
}
MUTATION = "envoy.filters.http.header_mutation"
_MUTATIONS = f"{TYPE}extensions.filters.http.header_mutation.v3.HeaderMutation"


def check(plugins: Iterable[Plugin]) -> list[EntityError]:
    """Return what is wrong with plugins: one that is not done here, or its settings."""
    errors: list[EntityError] = []
    for each in plugins:
        try:
            settings_of(each)
        except InvalidConfigError as error:
            errors += error.errors
    return errors


def settings_of(plugin: Plugin) -> PluginSettings:
    """Return a plugin's settings. Raises InvalidConfigError."""
    model = KNOWN.get(plugin.name)
    owner = plugin.model_dump()
    if model is None:
        message = f"plugin '{plugin.name}' is none that kong-standin does: {', '.join(KNOWN)}"
        error = EntityError(
            type="plugin", name=plugin.name, tags=plugin.tags, field="name", message=message
        )
        raise InvalidConfigError([error])
    try:
        return model.model_validate(without_nulls(plugin.config))
    except ValidationError as error:
        found = entity_errors(error, type_="plugin", raw=owner, prefix="config.")
        raise InvalidConfigError(list(found)) from error


def schema(name: str) -> dict[str, Any] | None:
    """Return a plugin's schema as `GET /schemas/plugins/NAME` gives it; None for an unknown one.

    It names the settings only: whoever fills in defaults by it leaves them null, thus unset.
    """
    model = KNOWN.get(name)
    return None if model is None else {"fields": [{"config": _record(model)}]}


def _record(model: type[PluginSettings]) -> dict[str, Any]:
    fields = []
    for key, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, PluginSettings):
            fields.append({key: _record(kind)})
        else:
            fields.append({key: {"type": "string"}})
    return {"type": "record", "fields": fields}


def route_filters(plugins: Mapping[str, Plugin]) -> dict[str, Any]:
    """Return a route's configuration by Envoy's filters, for the plugins by their names."""
    found: dict[str, Any] = {}
    requests: list[dict[str, Any]] = []
    responses: list[dict[str, Any]] = []
    for name in sorted(plugins):
        match settings_of(plugins[name]):
            case correlation_id.CorrelationId() as settings:
                requests += correlation_id.requests(settings)
                responses += correlation_id.responses(settings)
            case response_transformer.ResponseTransformer() as settings:
                responses += response_transformer.responses(settings)
            case cors.Cors() as settings:
                found |= cors.filters(settings)
            case ip_restriction.IpRestriction() as settings:
                found |= ip_restriction.filters(settings)
            case rate_limiting.RateLimiting() as settings:
                found |= rate_limiting.filters(settings)
            case request_size_limiting.RequestSizeLimiting() as settings:
                found |= request_size_limiting.filters(settings)
    if requests or responses:
        mutations = {"request_mutations": requests, "response_mutations": responses}
        found[MUTATION] = {"@type": f"{_MUTATIONS}PerRoute", "mutations": mutations}
    return found
