"""Messages, channels, templates, preferences."""
