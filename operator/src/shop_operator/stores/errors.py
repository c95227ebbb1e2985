"""The error that a store raises."""


class StoreError(Exception):
    """A store is unreachable or not as declared: a CamelCase reason, and what a person can do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
