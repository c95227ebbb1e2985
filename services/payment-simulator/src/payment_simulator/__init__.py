"""A stand-in for four payment providers, for development and tests."""
