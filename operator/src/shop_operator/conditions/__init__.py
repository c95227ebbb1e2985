"""What is reported: conditions and the status of a ShopService."""
