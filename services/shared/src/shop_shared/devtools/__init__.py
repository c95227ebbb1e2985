"""Programs for `make contracts` and `make lint`; no image contains them."""
