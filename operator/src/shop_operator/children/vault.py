"""Annotations for the Vault Agent Injector, which belong on the pod template.

Source: developer.hashicorp.com/vault/docs/platform/k8s/injector/annotations; the templates are
Consul Template's.
"""

from typing import Final

from shop_operator.children.access_secret import Access
from shop_operator.children.pod_template import USER
from shop_operator.names import database_name, login_name, vault_folder, vault_name
from shop_operator.settings import Settings
from shop_operator.spec import SecretFile, ShopService

MONGODB_SECRET: Final = "mongodb"  # noqa: S105 - the last part of a path
"""The secret with the login of MongoDB, for which OpenBao has no plugin."""
AGENT_URL: Final = "http://127.0.0.1:8200"
"""Where a pod's agent takes requests of its pod: the injector's default."""
_PREFIX: Final = "vault.hashicorp.com"
_AGENT: Final = {
    "agent-inject": "true",
    # The migration's container needs the files before the sidecar runs.
    "agent-init-first": "true",
    # A pod that waited while Vault was away comes up soon after it is back; else up to 5 min later.
    "auth-max-backoff": "10s",
    # What it says of each lease and renewal was half of all the log lines there were.
    "log-level": "warn",
}
_AGENT_SIZE: Final = {
    "agent-run-as-user": str(USER),
    "agent-run-as-group": str(USER),
    "agent-requests-cpu": "5m",
    "agent-limits-cpu": "250m",
    "agent-requests-mem": "16Mi",
    "agent-limits-mem": "64Mi",
}


def annotations(service: ShopService, platform: Settings, access: Access) -> dict[str, str]:
    """Return the annotations that name the files for the injector to write."""
    secrets = service.spec.secrets
    found = _AGENT | {"role": secrets.role or vault_name(service)}
    if secrets.keeps_vault:
        found |= _AGENT_SIZE
        if service.spec.database is not None:
            if has_lease(service):
                found["agent-enable-quit"] = "true"
            path, template = _database(service, platform, access)
            found["agent-inject-secret-database_url"] = path
            found["agent-inject-template-database_url"] = template
    for file in secrets.files:
        found[f"agent-inject-secret-{file.name}"] = file.path
        template = file.template or _default_template(file, platform)
        if template:
            found[f"agent-inject-template-{file.name}"] = template
    return {f"{_PREFIX}/{name}": value for name, value in found.items()}


def vault_files(service: ShopService) -> list[str]:
    """Return the files with addresses of stores that Vault's agent brings."""
    secrets = service.spec.secrets
    return ["database_url"] if secrets.keeps_vault and service.spec.database else []


def has_lease(service: ShopService) -> bool:
    """Say whether a pod's login of its database is of a lease, which may be ended at any time."""
    database = service.spec.database
    keeps = service.spec.secrets.keeps_vault
    return keeps and database is not None and database.kind == "postgres"


def login_path(service: ShopService, platform: Settings, *, is_alternate: bool) -> str:
    """Return where Vault gives out logins of PostgreSQL for a service."""
    role = login_name(vault_name(service), is_alternate=is_alternate)
    return f"{platform.vault_database_mount}/creds/{role}"


def _database(service: ShopService, platform: Settings, access: Access) -> tuple[str, str]:
    """Return the path of the database's login, and the template that makes its address."""
    database = service.spec.database
    if database is not None and database.kind == "mongodb":
        path = f"{platform.vault_kv_mount}/data/{vault_folder(service)}/{MONGODB_SECRET}"
        return path, _with(path, _value("url"))
    path = login_path(service, platform, is_alternate=access.is_alternate)
    at = f"{platform.postgres_host}:{platform.postgres_port}"
    name, login = database_name(service, platform), "{{ .Data.username }}:{{ .Data.password }}"
    return path, _with(path, f"postgresql://{login}@{at}/{name}")


def _default_template(file: SecretFile, platform: Settings) -> str:
    """Return the template of a file that is one key of a secret; empty where no key is named.

    A secret of the key/value engine, version 2, has its keys one level deeper than any other.
    """
    is_versioned = file.path.startswith(f"{platform.vault_kv_mount}/data/")
    data = ".Data.data" if is_versioned else ".Data"
    return _with(file.path, _value(file.key, data=data)) if file.key else ""


def _value(key: str, *, data: str = ".Data.data") -> str:
    """Return what writes a key's value; without one the agent ends and says which is missing."""
    missing = f'{{{{ else }}}}{{{{ sprig_fail "the secret has no key {key}, or it is empty" }}}}'
    return f'{{{{ with index {data} "{key}" }}}}{{{{ . }}}}{missing}{{{{ end }}}}'


def _with(path: str, content: str) -> str:
    return f'{{{{ with secret "{path}" }}}}{content}{{{{ end }}}}'
