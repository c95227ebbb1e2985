"""Backups of the stores that hold what nobody else has, PostgreSQL and MongoDB, at one cut.

Kafka, Redis and RabbitMQ are in none: what is in them follows from these two. Why, and why a
restore loses no event of before the cut and doubles none: ADR 90.
"""
