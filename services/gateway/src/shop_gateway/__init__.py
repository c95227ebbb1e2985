"""The single entry of the shop."""
