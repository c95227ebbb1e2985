"""`make release`: what the release workflow does, on this machine, with a registry of its own."""
