"""What the API server asks about a ShopService before it takes it: refusals and warnings.

It is a convenience: with the webhook away everything is taken, and conditions say the same later.
"""
