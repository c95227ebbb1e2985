"""Recipients, messages and their attempts in PostgreSQL."""
