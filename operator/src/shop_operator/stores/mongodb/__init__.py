"""MongoDB: a session, and the things in it."""
