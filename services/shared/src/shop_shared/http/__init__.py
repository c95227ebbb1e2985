"""HTTP as every service speaks it: the app, problems, limits, tokens, idempotency."""
