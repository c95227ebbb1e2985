"""The port of a server that is down for a while is not given to another."""

import pytest
from shop_servers import instance


def test_a_port_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    given = instance.free_port()
    monkeypatch.setattr(instance, "PORTS", [given])
    with pytest.raises(instance.ServerError, match="no free port"):
        instance.free_port()
