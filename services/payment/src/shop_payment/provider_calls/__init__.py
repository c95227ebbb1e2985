"""Calls to payment providers as durable work: enqueued in a transaction, executed outside it."""
