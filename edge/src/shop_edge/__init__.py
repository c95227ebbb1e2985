"""kong-standin: Kong's DB-less Admin API, which drives Envoy in the stead of Kong's proxy."""
