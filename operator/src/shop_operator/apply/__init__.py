"""Bring live children to the rendered ones: compare, apply what differs, prune the rest."""
