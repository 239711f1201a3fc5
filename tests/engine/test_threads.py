"""The waiting of torch's threads is set before torch is imported, unless the user has set it."""

import os
import subprocess
import sys

import pytest

from engine.threads import SPINS, make_threads_yield


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")  # so that monkeypatch restores it after the test
        monkeypatch.delenv(name)


def test_threads_sleep_after_a_short_wait() -> None:
    make_threads_yield()
    assert os.environ["GOMP_SPINCOUNT"] == str(SPINS)


@pytest.mark.parametrize(("name", "value"), [("GOMP_SPINCOUNT", "5"), ("OMP_WAIT_POLICY", "active")])
def test_settings_of_the_user_are_kept(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    make_threads_yield()
    assert os.environ[name] == value
    assert os.environ.get("GOMP_SPINCOUNT", "5") == "5"


def test_the_setting_is_made_before_torch_is_imported() -> None:
    check = "import sys, engine.threads, engine.service.process, engine.cli.main; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
