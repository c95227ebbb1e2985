"""How hypothesis searches here: without deadlines, as other work may share the machine."""

from hypothesis import settings

settings.register_profile("unit", deadline=None, max_examples=50)
settings.load_profile("unit")
