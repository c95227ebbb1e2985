"""A real single-node Kubernetes on a machine without Docker."""
