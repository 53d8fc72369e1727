from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "seeded", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("random", settings.get_profile("seeded"), derandomize=False)
settings.load_profile("seeded")
"""The same examples on every run; ``--hypothesis-profile=random`` looks for new ones."""
