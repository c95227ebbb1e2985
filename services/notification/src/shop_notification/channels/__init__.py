"""The ways to reach somebody: one protocol, three adapters."""
