"""The settings file: saving, loading, and damaged or newer files."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from gui.settings import RECENT, SCHEMA, Settings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def test_saved_settings_are_loaded_unchanged(tmp_path: Path) -> None:
    chosen = Settings(language="ja", theme="dark", zoom=1.3, tiles=2, layout=["training"], text="猫\n𠮟😀")
    chosen.panes = {"training": {"preset": "5m"}}
    chosen.save(tmp_path / "nested" / "settings.json")
    assert Settings.load(tmp_path / "nested" / "settings.json") == (chosen, False)


def test_the_first_start_has_no_file(tmp_path: Path) -> None:
    assert Settings.load(tmp_path / "settings.json") == (Settings(), False)


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"', "\x00\x01", '{"zoom": '])
def test_a_broken_file_is_put_aside_and_reported(tmp_path: Path, content: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(content)
    assert Settings.load(path) == (Settings(), True)
    assert (tmp_path / "settings.bad.json").read_text() == content
    assert not path.exists()


@settings(max_examples=60)
@given(values=st.dictionaries(st.sampled_from(["language", "zoom", "tiles", "layout", "panes", "other"]), JSON))
def test_invalid_values_are_replaced_by_defaults(tmp_path: Path, values: dict[str, object]) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(values))
    loaded, broken = Settings.load(path)
    assert not broken
    for name in ("language", "zoom", "tiles", "layout", "panes"):
        default = getattr(Settings(), name)
        assert isinstance(getattr(loaded, name), (int, float) if name == "zoom" else type(default))


def test_a_settings_file_of_a_newer_version_is_kept_as_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    newer = json.dumps({"schema": SCHEMA + 1, "theme": "dark", "tiles": {"left": 2}, "unknown": [1]})
    path.write_text(newer)
    loaded, broken = Settings.load(path)
    assert (loaded, broken) == (Settings(theme="dark"), False)
    loaded.save(path)
    assert json.loads(path.read_text())["schema"] == SCHEMA
    assert (tmp_path / f"settings.schema{SCHEMA + 1}.json").read_text() == newer


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "settings.json"
    Settings(text="before").save(path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        Settings(text="after").save(path)
    assert json.loads(path.read_bytes())["text"] == "before"


def test_the_recent_list_is_short_and_has_no_duplicates() -> None:
    remembered = Settings()
    for number in [*range(20), 5]:
        remembered.remember(f"text{number}")
    assert remembered.recent[0] == "text5"
    assert len(remembered.recent) == len(set(remembered.recent)) == RECENT
