"""The dashboards, one a module; each has a `BOARD`."""
