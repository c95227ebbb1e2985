"""The kubectl plugin: `kubectl shop`."""
