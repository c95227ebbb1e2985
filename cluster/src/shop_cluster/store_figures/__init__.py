"""What the stores and Kafka tell of themselves, for Prometheus (docs/observability.md)."""
