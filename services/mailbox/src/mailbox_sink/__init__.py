"""Development sinks: what was "sent" stays here to be read."""
