"""When each alert fires, and when it does not, as promtool reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shop_observability.rules import alerts

SHOP = 'namespace="shop"'
RULES = {rule["alert"]: rule for rule in alerts()}
WATCHED = 'up{job="prometheus"}'
"""While this has samples Prometheus runs: all the time, unless a case says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Series (values a minute apart, in promtool's notation), and what fires at each minute.

    ``fires`` maps a minute to the labels with which the alert fires then; None where it does not.
    """

    alert: str
    name: str
    series: Mapping[str, str]
    fires: Mapping[int, Mapping[str, str] | None]
    summary: str = field(default="")

    def promtool_test(self) -> dict[str, Any]:
        """Return the case as an entry of promtool's `tests`."""
        series = {WATCHED: "1x120", **self.series}
        return {
            "interval": "1m",
            "input_series": [{"series": s, "values": v} for s, v in series.items()],
            "alert_rule_test": [
                {
                    "alertname": self.alert,
                    "eval_time": f"{minute}m",
                    "exp_alerts": [] if labels is None else [self._fired(labels)],
                }
                for minute, labels in self.fires.items()
            ],
        }

    def _fired(self, labels: Mapping[str, str]) -> dict[str, Any]:
        return {
            "exp_labels": {**labels, **RULES[self.alert]["labels"]},
            "exp_annotations": RULES[self.alert]["annotations"] | {"summary": self.summary},
        }


ORDER = {"namespace": "shop", "group": "order", "topic": "payment.events"}
_ORDER_OF = f'{SHOP},group="order",topic="payment.events"'
DEAD = f'events_consumed_total{{{_ORDER_OF},outcome="dead_lettered"}}'
DEAD_SAID = (
    "order gave up on events of payment.events: kubectl shop dead-letters list --group order"
)
_LAG = f'event_lag{{{_ORDER_OF},partition="2"}}'
_HANDLED = f'events_consumed_total{{{_ORDER_OF},outcome="handled"}}'
_STUCK_SAID = "events of payment.events wait for order, which has taken none for 10 minutes"
_AGE = f"event_age_seconds_bucket{{{_ORDER_OF}"
_STRIPE = {"namespace": "shop", "job": "payment", "provider": "stripe"}
_FORGED = f'payment_webhooks_total{{{SHOP},job="payment",provider="stripe",outcome="forged"}}'
_REFUSED_SAID = (
    "webhooks of stripe are refused as forged: its secret may have changed, or somebody tries"
)
_OVERDUE = f'durable_work_overdue_seconds{{{SHOP},job="payment",queue="provider_calls"}}'
PARKED = f'notification_messages_total{{{SHOP},channel="email",outcome="parked"}}'
_SYSTEM = 'namespace="minishop-system",job="shop-operator-metrics"'
_WATCH = (
    f'shop_operator_watch_seen_timestamp_seconds{{{_SYSTEM},pod="a",kind="Pod",'
    'exported_namespace="shop"}'
)
_LEADS = f'shop_operator_leader{{{_SYSTEM},pod="a"}}'
_BUG = f'shop_operator_reconcile_seconds_count{{{_SYSTEM},outcome="bug"}}'
_NAMESPACE = f'shop_operator_namespace_state{{{_SYSTEM},exported_namespace="staging",state='
CASES = (
    Case(
        alert="DeadLetters",
        name="the first one of a process counts, and is forgotten after a quarter of an hour",
        series={DEAD: "_x10 1x60"},
        fires={5: None, 12: ORDER, 40: None},
        summary=DEAD_SAID,
    ),
    Case(
        alert="DeadLetters",
        name="a further one",
        series={DEAD: "3x60 4x60"},
        fires={50: None, 64: ORDER, 100: None},
        summary=DEAD_SAID,
    ),
    Case(
        alert="DeadLetters",
        name="what was handled is none",
        series={_HANDLED: "0+10x60"},
        fires={30: None},
    ),
    Case(
        alert="ConsumerStuck",
        name="events wait and none is taken",
        series={_LAG: "0x20 7x60", _HANDLED: "0+5x20 100x60"},
        fires={15: None, 35: None, 60: ORDER},
        summary=_STUCK_SAID,
    ),
    Case(
        alert="ConsumerStuck",
        name="a backlog that is worked off",
        series={_LAG: "500-5x60", _HANDLED: "0+5x60"},
        fires={30: None, 59: None},
    ),
    Case(
        alert="ConsumerPaused",
        name="a store is away",
        series={f'event_partitions_paused{{{SHOP},group="order"}}': "0x10 2x20 0x20"},
        fires={8: None, 12: None, 20: {"namespace": "shop", "group": "order"}, 40: None},
        summary="order waits for a store: partitions are paused",
    ),
    Case(
        alert="EventsSlow",
        name="a tenth takes half a minute",
        series={
            _AGE + ',le="1.2"}': "0+90x60",
            _AGE + ',le="5"}': "0+90x60",
            _AGE + ',le="30"}': "0+100x60",
            _AGE + ',le="+Inf"}': "0+100x60",
        },
        fires={5: None, 40: ORDER},
        summary=(
            "1 of 100 events of payment.events takes more than 5 s until order has acted on it"
        ),
    ),
    Case(
        alert="EventsSlow",
        name="all are quick",
        series={_AGE + f',le="{le}"}}': "0+100x60" for le in ("0.04", "5", "30", "+Inf")},
        fires={40: None},
    ),
    Case(
        alert="OutboxLogGrows",
        name="capture is away for long",
        series={
            f'outbox_capture_lag_bytes{{{SHOP},job="order",database="order"}}': (
                "0+100000000x20 2147483648x60"
            )
        },
        fires={
            5: None,
            60: {"namespace": "shop", "job": "order", "database": "order"},
        },
        summary="capture of order is 2GiB behind: PostgreSQL keeps that log on disk",
    ),
    Case(
        alert="PaymentProviderFailing",
        name="the breaker of one provider is open",
        series={
            f'payment_breaker_closed{{{SHOP},job="payment",provider="stripe"}}': "1x10 0x20 1x20",
            f'payment_breaker_closed{{{SHOP},job="payment",provider="paypal"}}': "1x50",
        },
        fires={8: None, 12: None, 20: _STRIPE, 40: None},
        summary="calls to stripe fail: its breaker is open, payments by it wait",
    ),
    Case(
        alert="WebhooksRefused",
        name="many are forged",
        series={_FORGED: "0x5 0+4x60"},
        fires={4: None, 30: {**_STRIPE, "outcome": "forged"}},
        summary=_REFUSED_SAID,
    ),
    Case(
        alert="WebhooksRefused",
        name="a few, and those that are hints",
        series={
            _FORGED: "0x5 2x60",
            _FORGED.replace("forged", "hint"): "0+50x60",
        },
        fires={10: None, 30: None},
    ),
    Case(
        alert="WorkOverdue",
        name="a row waits and waits",
        series={_OVERDUE: "0x5 0+60x60"},
        fires={
            8: None,
            25: {"namespace": "shop", "job": "payment", "queue": "provider_calls"},
        },
        summary="the oldest due row of provider_calls has waited 19m 0s for payment",
    ),
    Case(
        alert="MessagesParked",
        name="the first one",
        series={PARKED: "_x10 1x60"},
        fires={5: None, 15: {"namespace": "shop", "channel": "email"}, 60: None},
        summary="messages by email were given up: customers were not told",
    ),
    Case(
        alert="MessagesParked",
        name="all are sent",
        series={f'notification_messages_total{{{SHOP},channel="email",outcome="sent"}}': "0+9x60"},
        fires={40: None},
    ),
    Case(
        alert="RevocationUnchecked",
        name="Redis is away for a while",
        series={f'token_revocation_unchecked_total{{{SHOP},job="order"}}': "0x10 0+3x15 45x60"},
        fires={8: None, 25: {"namespace": "shop", "job": "order"}, 60: None},
        summary=(
            "order lets tokens in without knowing whether they were revoked: Redis does not answer"
        ),
    ),
    Case(
        alert="SigningKeysUnreadable",
        name="a file that was written wrongly",
        series={f'auth_signing_keys_unreadable{{{SHOP},job="auth"}}': "0x10 1x20 0x20"},
        fires={8: None, 12: None, 20: {"namespace": "shop", "job": "auth"}, 40: None},
        summary=(
            "auth cannot use the file of its signing keys, and signs on with those it read before"
        ),
    ),
    Case(
        alert="RequestsUncounted",
        name="Redis is away for a while",
        series={f"gateway_rate_limit_unavailable_total{{{SHOP}}}": "0x10 0+3x15 45x60"},
        fires={8: None, 25: {"namespace": "shop"}, 60: None},
        summary="the gateway lets requests through uncounted: Redis does not answer",
    ),
    Case(
        alert="OperatorDown",
        name="no replica answers",
        series={f"up{{{_SYSTEM}}}": "1x10 0x30"},
        fires={12: None, 30: {}},
        summary="no replica of the operator answers: ShopServices are not kept",
    ),
    Case(
        alert="OperatorDown",
        name="the only replica crashes again and again",
        series={f"up{{{_SYSTEM}}}": "1x30 " + "0x4 1 " * 9},
        fires={30: None, 50: {}, 59: {}},
        summary="no replica of the operator answers: ShopServices are not kept",
    ),
    Case(
        alert="OperatorDown",
        name="one of two answers",
        series={f'up{{{_SYSTEM},pod="a"}}': "0x40", f'up{{{_SYSTEM},pod="b"}}': "1x40"},
        fires={30: None},
    ),
    Case(
        alert="OperatorWithoutLeader",
        name="none leads",
        series={_LEADS: "1x10 0x20", _LEADS.replace('"a"', '"b"'): "0x30"},
        fires={8: None, 20: {"namespace": "minishop-system"}},
        summary="0 replicas of the operator lead, not 1",
    ),
    Case(
        alert="OperatorWithoutLeader",
        name="one of two leads",
        series={_LEADS: "1x30", _LEADS.replace('"a"', '"b"'): "0x30"},
        fires={20: None},
    ),
    Case(
        alert="OperatorWatchStuck",
        name="the leader hears nothing any more",
        series={_WATCH: "0+60x10 600x60", _LEADS: "1x70"},
        fires={
            9: None,
            20: {
                "namespace": "minishop-system",
                "pod": "a",
                "kind": "Pod",
                "exported_namespace": "shop",
            },
        },
        summary="the operator has heard nothing of Pod for 10m 0s",
    ),
    Case(
        alert="OperatorWatchStuck",
        name="one that does not lead watches nothing",
        series={_WATCH: "600x70", _LEADS: "0x70"},
        fires={40: None},
    ),
    Case(
        alert="OperatorBug",
        name="the first one",
        series={_BUG: "_x10 1x90"},
        fires={5: None, 15: {"namespace": "minishop-system"}, 60: None},
        summary="the operator met what it was not written for: its log says which ShopService",
    ),
    Case(
        alert="NamespaceNotKept",
        name="its Role is missing",
        series={_NAMESPACE + '"Unreadable"}': "1x60", _NAMESPACE + '"Ready"}': "0x60"},
        fires={5: None, 20: {"exported_namespace": "staging", "state": "Unreadable"}},
        summary="the operator does not keep the services of staging: it is Unreadable",
    ),
    Case(
        alert="NamespaceNotKept",
        name="it is ready",
        series={_NAMESPACE + '"Unreadable"}': "0x60", _NAMESPACE + '"Ready"}': "1x60"},
        fires={40: None},
    ),
)
