"""Orders, lines, history."""
