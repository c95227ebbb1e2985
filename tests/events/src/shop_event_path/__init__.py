"""The event path as production has it, for tests and benchmarks: nothing of it is rebuilt here.

Databases and roles come from the operator's own stores, connectors from its own settings, outbox
and inbox from shop_shared.
"""
