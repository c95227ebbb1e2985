"""Events: written to an outbox, carried by Kafka, consumed once by an inbox."""
