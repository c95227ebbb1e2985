"""Returns of delivered orders: their routes, data, rows, events and operations."""
