"""A user of Redis for each service, with its own keys."""
