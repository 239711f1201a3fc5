"""Everything runs offscreen, with settings of its own, and leaves nothing behind."""

import os

from hypothesis import HealthCheck, settings

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# Two busy cores: how long an example takes says nothing here.
settings.register_profile(
    "nakami", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("nakami")
