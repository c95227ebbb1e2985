"""The user service in PostgreSQL: plain statements, each in the caller's transaction."""
