"""A user of RabbitMQ for each service, with its own queues and exchanges."""
