"""The files of a new service, with {{name}}, {{word}} and {{table}} in the place of its names."""
