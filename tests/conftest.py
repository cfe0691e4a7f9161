"""Properties are about results: how long an example takes on a busy machine says nothing."""

from hypothesis import settings

settings.register_profile("agentdbg", deadline=None)
settings.load_profile("agentdbg")
