"""The shop that the drills are held on: the one that e2e's tests know."""

from e2e.conftest import kubectl

__all__ = ["kubectl"]
