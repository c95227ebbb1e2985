"""Sends what the queues carry, once: PostgreSQL says whether a message is still to be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import jinja2
import structlog
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_notification import service, unsubscribe
from shop_notification.channels.protocol import Blame, Channel, Message, SendError
from shop_notification.plans import OPTIONAL
from shop_notification.queues import BROKER_AWAY, TRACEPARENT, Broker, parking_queue, work_queue
from shop_notification.quiet_hours import due
from shop_notification.rendering import render
from shop_notification.repository import devices, sending
from shop_notification.repository.link_keys import LinkKey
from shop_notification.repository.sending import ClaimedMessage, Outcome
from shop_notification.settings import Settings
from shop_shared.background import GroupedCalls, RetryPolicy
from shop_shared.clock import now
from shop_shared.observability import telemetry
from shop_shared.observability.trace_context import current_traceparent
from shop_shared.stores import postgres
from shop_shared.stores.postgres import autocommit, transaction

# Before a message that failed comes again: long enough not to spin while a store is away.
NACK_SECONDS = 0.5
MAX_UNRECORDED = 5
"""Attempts of a message that may end with their process before it is parked."""
_log = structlog.get_logger(__name__)
_sent = Counter("notification_messages", "Messages by what came of a try", ["channel", "outcome"])


class Sender:
    """Consumes the work queues of all channels."""

    def __init__(
        self,
        engine: AsyncEngine,
        settings: Settings,
        channels: Mapping[str, Channel],
        link_key: LinkKey,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._channels = channels
        self._link_key = link_key
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._retries = RetryPolicy(
            first=settings.retry_first_seconds,
            most=settings.retry_most_seconds,
            bound=settings.max_attempts,
        )
        self._sending: set[asyncio.Task[None]] = set()
        self._claim = GroupedCalls(self._claim_all)
        self._record_outcome = GroupedCalls(self._record_all)

    async def consume(self, connection: AbstractConnection, broker: Broker) -> None:
        """Begin to consume on the connection."""
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=self._settings.prefetch)

        async def handle(incoming: AbstractIncomingMessage) -> None:
            sending = asyncio.create_task(self._receive(incoming, broker))
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)
            try:
                # A lost connection cancels this handler; a message half sent is sent to its end.
                await asyncio.shield(sending)
            except Exception as error:  # noqa: BLE001 -- whatever it was, the message comes again
                _log.warning("not handled", message_id=incoming.message_id, error=repr(error))
                await asyncio.sleep(NACK_SECONDS)
                answer = incoming.nack(requeue=True)
            else:
                answer = incoming.ack()
            # Without an answer it comes again; its row says whether it was sent.
            with suppress(*BROKER_AWAY):
                await answer

        for name in self._channels:
            queue = await channel.get_queue(work_queue(name))
            await queue.consume(handle)

    async def finish(self) -> None:
        """Wait for what is being sent."""
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def _receive(self, incoming: AbstractIncomingMessage, broker: Broker) -> None:
        traceparent = incoming.headers.get(TRACEPARENT)
        with telemetry.span(
            f"send {incoming.routing_key}",
            kind="consumer",
            traceparent=str(traceparent) if traceparent else None,
            **{"messaging.system": "rabbitmq", "messaging.message.id": incoming.message_id or ""},
        ):
            try:
                notification_id = UUID(incoming.body.decode())
            except ValueError:
                _log.exception("not a message of ours", message_id=incoming.message_id)
                return
            await self.send(notification_id, broker)

    async def send(self, notification_id: UUID, broker: Broker) -> None:
        """Send a message unless it was sent, and record what came of it.

        An exception that nobody foresaw is TEMPORARY: tried again, bounded, and parked in the end.
        """
        claimed = await self._claim(notification_id)
        if claimed is None:
            return
        if await self._is_given_up(claimed, broker) or await self._is_held(claimed):
            return
        if claimed.is_expired(now()):
            await self._record(claimed, "suppressed", "suppressed", "its code has expired")
            return
        where = await service.destinations(self._engine, claimed)
        if not where:
            await self._record(claimed, "suppressed", "suppressed", "nowhere to send it")
            return
        try:
            references = await self._hand_over(claimed, where)
        except SendError as error:
            await self._not_sent(claimed, error, broker)
        except jinja2.TemplateError as error:
            await self._park(claimed, repr(error), broker)
        except Exception as error:
            if postgres.is_temporary(error):
                raise
            _log.exception("message not sent", notification_id=str(claimed.id))
            await self._again(claimed, repr(error), broker)
        else:
            await self._record(claimed, "sent", "sent", ", ".join(references))

    async def _is_given_up(self, claimed: ClaimedMessage, broker: Broker) -> bool:
        """Park a message whose attempts end with their process, again and again."""
        if claimed.unrecorded:
            _log.warning(
                "earlier attempts ended with their process",
                notification_id=str(claimed.id),
                attempts=claimed.unrecorded,
            )
        if claimed.unrecorded <= MAX_UNRECORDED:
            return False
        await self._park(claimed, "several attempts ended without a record", broker)
        return True

    async def _is_held(self, claimed: ClaimedMessage) -> bool:
        """Put off what has become due in quiet hours: a channel, or a queue, was away until now."""
        moment = now()
        at = due(moment, claimed.quiet, category=claimed.category, channel=claimed.channel)
        if at == moment:
            return False
        await self._record(claimed, "pending", "held", "quiet hours", again_after=at - moment)
        return True

    async def _not_sent(self, claimed: ClaimedMessage, error: SendError, broker: Broker) -> None:
        if error.blame is Blame.PERMANENT:
            await self._park(claimed, str(error), broker)
        else:
            await self._again(claimed, str(error), broker)

    async def _hand_over(self, claimed: ClaimedMessage, where: Sequence[str]) -> list[str]:
        recipient = claimed.recipient
        unsubscribe_url = await self._unsubscribe_url(claimed)
        rendered = render(
            claimed.template,
            locale=recipient.locale if recipient else self._settings.default_locale,
            default=self._settings.default_locale,
            data={"name": recipient.name if recipient else "", **claimed.data},
            unsubscribe_url=unsubscribe_url,
        )
        messages = [
            Message(
                id=claimed.id,
                destination=destination,
                subject=rendered.subject,
                short=rendered.short,
                body=rendered.body,
                html=rendered.html,
                unsubscribe_url=unsubscribe_url,
            )
            for destination in where
        ]
        # All at once: one after the other, many slow devices would outlast the lease.
        answers = await asyncio.gather(*(self._try(claimed.channel, each) for each in messages))
        references = [answer for answer in answers if isinstance(answer, str)]
        if references:  # A try for the rest would tell these twice.
            return references
        refused = [answer for answer in answers if isinstance(answer, SendError)]
        blames = {error.blame for error in refused}
        blame = Blame.TEMPORARY if Blame.TEMPORARY in blames else Blame.PERMANENT
        raise SendError("; ".join(map(str, refused)), blame=blame)

    async def _try(self, channel: str, message: Message) -> str | SendError:
        """Return the channel's reference of a message, or why it was not sent."""
        try:
            return await self._channels[channel].send(message)
        except SendError as error:
            if error.is_gone and channel == "push":
                async with transaction(self._engine) as connection:
                    await devices.drop_token(connection, message.destination)
            return error

    async def _unsubscribe_url(self, claimed: ClaimedMessage) -> str | None:
        """Return the link that switches off mails like this one; None where there is no such."""
        for category in OPTIONAL:
            if claimed.channel == "email" and claimed.category == category:
                link = unsubscribe.Link(claimed.user_id, category)
                token = unsubscribe.token_of(link, key=await self._link_key.get())
                return f"{self._settings.public_url}/v1/notifications/unsubscribe/{token}"
        return None

    async def _again(self, claimed: ClaimedMessage, detail: str, broker: Broker) -> None:
        if self._retries.is_spent(claimed.attempt):
            await self._park(claimed, detail, broker)
        else:
            delay = self._retries.delay(claimed.attempt)
            await self._record(claimed, "retrying", "failed", detail, again_after=delay)

    async def _park(self, claimed: ClaimedMessage, detail: str, broker: Broker) -> None:
        # Why is in its attempts, which its recipient's erasure covers: answers name addresses.
        _log.error("message parked", notification_id=str(claimed.id))
        await self._record(claimed, "parked", "parked", detail)
        await broker.queue(
            parking_queue(claimed.channel), claimed.id, traceparent=current_traceparent()
        )

    async def _record(
        self,
        claimed: ClaimedMessage,
        status: str,
        outcome: str,
        detail: str,
        *,
        again_after: timedelta | None = None,
    ) -> None:
        await self._record_outcome(
            Outcome(
                message=claimed,
                status=status,
                outcome=outcome,
                detail=detail,
                again_after=again_after,
            )
        )
        _sent.labels(claimed.channel, outcome).inc()

    async def _claim_all(self, ids: Sequence[UUID]) -> list[ClaimedMessage | None]:
        async with autocommit(self._engine) as connection:
            claimed = await sending.claim(connection, ids, lease=self._lease)
        # The same id may have come twice: only one of the two sends it.
        return [claimed.pop(each, None) for each in ids]

    async def _record_all(self, outcomes: Sequence[Outcome]) -> list[None]:
        async with autocommit(self._engine) as connection:
            await sending.record(connection, outcomes)
        return [None] * len(outcomes)
