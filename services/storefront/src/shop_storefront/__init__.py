"""The shop's pages, for customers and for staff, on the gateway's public API."""
