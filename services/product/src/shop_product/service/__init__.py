"""What the product service does: catalogue, stock, reservations, imports."""
