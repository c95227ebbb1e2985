"""The Kubernetes API: a client, informers, the cache over them, and the lease that gates writes."""
