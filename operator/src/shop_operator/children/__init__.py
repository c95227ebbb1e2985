"""One module a child kind, each a pure function from a ShopService to manifests."""
