"""Payments, refunds, provider calls, webhooks."""
