"""What services' tests need of the shared library: tokens good and forged, events, bad input."""

from shop_shared.testing.bad_input import BadRequest, assert_refused, bad_requests
from shop_shared.testing.clock import FakeClock
from shop_shared.testing.events import heard, said
from shop_shared.testing.forgeries import FORGERIES
from shop_shared.testing.serving import client_of, served, wired
from shop_shared.testing.signer import Signer

__all__ = [
    "FORGERIES",
    "BadRequest",
    "FakeClock",
    "Signer",
    "assert_refused",
    "bad_requests",
    "client_of",
    "heard",
    "said",
    "served",
    "wired",
]
