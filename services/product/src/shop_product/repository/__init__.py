"""The catalogue and the stock in MongoDB: one module a collection."""
