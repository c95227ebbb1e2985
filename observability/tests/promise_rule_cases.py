"""When the alerts about what is declared, logins and stock fire, and when they do not."""

from .rule_cases import SHOP, Case

_SYSTEM = 'namespace="minishop-system",job="shop-operator-metrics"'
_ORDER = 'exported_namespace="shop",exported_service="order"'
_UNMET = f"shop_operator_condition_unmet{{{_SYSTEM},{_ORDER}"
_CRASHES = _UNMET + ',type="Ready",reason="CrashLoopBackOff",pod="a"}'
_NOT_READY_SAID = (
    "shop/order has not been Ready, or not for long, for 20 minutes: "
    "kubectl shop status order -n shop"
)
_OF_ORDER = {"exported_namespace": "shop", "exported_service": "order"}
_EXPIRES = f'database_login_expires_timestamp_seconds{{{SHOP},job="order",pod="order-'
_OVERSOLD = f'product_stock_products{{{SHOP},job="product",state="oversold",pod="product-'

CASES = (
    Case(
        alert="ShopServiceNotReady",
        name="for one reason after another, seen by one replica after another",
        series={
            _UNMET + ',type="Ready",reason="Progressing",pod="a"}': "_x5 1x12 _x40",
            _UNMET + ',type="Ready",reason="CrashLoopBackOff",pod="b"}': "_x17 1x20 _x20",
        },
        fires={15: None, 30: _OF_ORDER, 50: None},
        summary=_NOT_READY_SAID,
    ),
    Case(
        alert="ShopServiceNotReady",
        name="one of its pods is ready for a minute, crashes and is started again",
        series={_CRASHES: "_x5 " + "1x4 stale " * 10},
        fires={20: None, 30: _OF_ORDER, 54: _OF_ORDER},
        summary=_NOT_READY_SAID,
    ),
    Case(
        alert="ShopServiceNotReady",
        name="a rollout that takes its time",
        series={_UNMET + ',type="Ready",reason="Progressing",pod="a"}': "_x5 1x12 stale"},
        fires=dict.fromkeys(range(60)),
    ),
    Case(
        alert="ShopServiceNotReady",
        name="what is held back on purpose, or another condition alone",
        series={
            _UNMET + ',type="Ready",reason="Paused",pod="a"}': "1x60",
            _UNMET + ',type="CdcReady",reason="ConnectorNotReady",pod="a"}': "1x60",
        },
        fires={40: None},
    ),
    Case(
        alert="SecretsNotReady",
        name="Vault is away, then sealed",
        series={
            _UNMET + ',type="SecretsReady",reason="VaultUnavailable",pod="a"}': "_x5 1x8 _x40",
            _UNMET + ',type="SecretsReady",reason="VaultSealed",pod="a"}': "_x13 1x20 _x20",
        },
        fires={12: None, 25: _OF_ORDER, 45: None},
        summary="secrets of shop/order are not kept: with Vault its logins end within the hour",
    ),
    Case(
        alert="DatabaseLoginEnds",
        name="nobody renews the login of one pod of two",
        series={_EXPIRES + 'a"}': "3600x70", _EXPIRES + 'b"}': "3600x20 7200x50"},
        fires={54: None, 58: {"namespace": "shop", "job": "order", "pod": "order-a"}},
        summary=("the login of order-a at PostgreSQL was not renewed: order works for 2m 0s more"),
    ),
    Case(
        alert="DatabaseLoginEnds",
        name="one that never ends, and one that is not known yet",
        series={_EXPIRES + 'a"}': " ".join(["Inf"] * 70), _EXPIRES + 'b"}': "0x70"},
        fires={60: None},
    ),
    Case(
        alert="StockOversold",
        name="a store that let it happen",
        series={_OVERSOLD + 'a"}': "0x10 2x10 0x10", _OVERSOLD + 'b"}': "0x10 2x10 0x10"},
        fires={9: None, 12: {"namespace": "shop", "job": "product"}, 25: None},
        summary=(
            "of 2 products more is reserved than there is: somebody will not get what was paid for"
        ),
    ),
)
