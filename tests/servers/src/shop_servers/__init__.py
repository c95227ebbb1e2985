"""Real servers for tests, as processes on free ports."""
