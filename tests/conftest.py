"""Run all tests offscreen, and without deadlines for hypothesis."""

import importlib
import os
import sys

from hypothesis import HealthCheck, settings

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
if sys.platform == "win32":
    importlib.import_module("torch")  # its libraries do not load after Qt's there

# On busy cores the time of an example says nothing about the code.
settings.register_profile(
    "nakami", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("nakami")
