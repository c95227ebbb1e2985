"""The stores outside Kubernetes: databases, and the roles and users that log in to them."""
