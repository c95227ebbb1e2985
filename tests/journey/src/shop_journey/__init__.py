"""The golden journey: the shop brought up, and a customer's order followed through it."""
