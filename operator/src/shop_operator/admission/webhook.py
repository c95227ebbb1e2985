"""Keeps the webhook's certificate, and the API server's trust in it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import kopf
import structlog

from shop_operator.admission import certificate as certificates
from shop_operator.admission.certificate import Certificate
from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError, ConflictError, NotFoundError
from shop_operator.api.kinds import SECRET, VALIDATING_WEBHOOK
from shop_operator.metadata import Manifest
from shop_operator.metrics import WEBHOOK_CERTIFICATE_EXPIRES
from shop_operator.settings import Settings

SECRET_NAME: Final = "shop-operator-webhook"  # noqa: S105 - a name
WEBHOOK_NAME: Final = "shop-operator"
_LOOK_SECONDS: Final = 60.0
_log = structlog.get_logger()


class Webhook:
    """The certificate in its Secret and in files, and the bundle in the webhook's configuration."""

    def __init__(
        self,
        client: ApiClient,
        platform: Settings,
        *,
        folder: Path,
        holds_lease: Callable[[], bool],
    ) -> None:
        self._client = client
        self._platform = platform
        self._folder = folder
        self._holds_lease = holds_lease

    def server(self) -> kopf.WebhookServer:
        """Return the server that Kopf is to run; it starts once there is a certificate."""
        return _Server(self, port=self._platform.webhook_port, folder=self._folder)

    async def run(self) -> None:
        """Keep both until cancelled; what fails is tried again."""
        while True:
            try:
                await self.keep()
            except ConflictError:
                continue  # somebody else wrote meanwhile: look at once at what is there now
            except ApiError as error:
                _log.warning("webhook not kept", error=str(error))
            await asyncio.sleep(_LOOK_SECONDS)

    async def prepare(self) -> None:
        """Return once the certificate is in its files."""
        seconds = 0.5
        while not (self._folder / certificates.CERTIFICATE_FILE).exists():
            try:
                await self.keep()
            except ApiError as error:
                _log.warning("webhook not ready", error=str(error), seconds=seconds)
                await asyncio.sleep(seconds)
                seconds = min(seconds * 2, _LOOK_SECONDS)

    async def keep(self) -> None:
        """Make or renew the certificate where it is due; make the API server trust it.

        Only who holds the lease renews and configures; whoever comes first makes the Secret, as
        nobody can serve without. Raises ConflictError if another changed the configuration
        meanwhile, ApiError.
        """
        # Before the Secret: who wrote a newer certificate's bundle since then is not overwritten.
        configuration = await self._configuration()
        namespace, hosts = self._platform.operator_namespace, self._platform.webhook_hosts
        try:
            secret: Manifest | None = await self._client.get(SECRET, namespace, SECRET_NAME)
        except NotFoundError:
            secret = None
        found = certificates.certificate_in(secret) if secret else None
        if found is None or (found.is_due(datetime.now(UTC), hosts) and self._holds_lease()):
            found = await self._renew(found, secret)
        await asyncio.to_thread(certificates.write, found, self._folder)
        WEBHOOK_CERTIFICATE_EXPIRES.set(found.expires.timestamp())
        if configuration is not None and self._holds_lease():
            await self._trust(found, configuration)

    async def _renew(self, before: Certificate | None, secret: Manifest | None) -> Certificate:
        """Store a new certificate; return it, or the one that another replica stored first."""
        made = await asyncio.to_thread(
            certificates.make, self._platform.webhook_hosts, before=before
        )
        namespace = self._platform.operator_namespace
        body = certificates.secret_of(made, namespace=namespace, name=SECRET_NAME)
        try:
            if secret is None:
                await self._client.create(SECRET, namespace, body)
            else:
                body["metadata"]["resourceVersion"] = secret["metadata"]["resourceVersion"]
                await self._client.replace(SECRET, body)
        except ConflictError:
            stored = await self._client.get(SECRET, namespace, SECRET_NAME)
            return certificates.certificate_in(stored) or made
        _log.info("webhook certificate made", expires=made.expires.isoformat())
        return made

    async def _configuration(self) -> Manifest | None:
        try:
            return await self._client.get(VALIDATING_WEBHOOK, "", WEBHOOK_NAME)
        except NotFoundError:
            return None  # installed without; nothing is asked then

    async def _trust(self, found: Certificate, live: Manifest) -> None:
        """Put the bundle into the configuration, if it differs and is as it was read."""
        bundle = certificates.encoded(found.authorities)
        hooks = live.get("webhooks") or []
        if any(hook["clientConfig"].get("caBundle") != bundle for hook in hooks):
            for hook in hooks:
                hook["clientConfig"]["caBundle"] = bundle
            seen = {"resourceVersion": live["metadata"]["resourceVersion"]}
            patch = {"metadata": seen, "webhooks": hooks}
            await self._client.merge(VALIDATING_WEBHOOK, "", WEBHOOK_NAME, patch)


class _Server(kopf.WebhookServer):
    """Kopf's server, on every address of the pod; it reads the files again when they change."""

    def __init__(self, webhook: Webhook, *, port: int, folder: Path) -> None:
        super().__init__(
            port=port,
            certfile=folder / certificates.CERTIFICATE_FILE,
            pkeyfile=folder / certificates.KEY_FILE,
        )
        self._webhook = webhook

    async def __call__(self, fn: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - Kopf's own types
        """Serve reviews until cancelled."""
        await self._webhook.prepare()
        async for config in super().__call__(fn):
            yield config
