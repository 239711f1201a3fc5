"""The colour maps are those of pyqtgraph, without importing it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyqtgraph as pg
import pytest

from gui.colormaps import diverging, sequential
from tests.test_architecture import modules_after


@pytest.mark.parametrize(("table", "name"), [(sequential, "viridis"), (diverging, "CET-D1A")])
def test_a_colour_map_is_that_of_its_name(table: Callable[[], Any], name: str) -> None:
    theirs = pg.colormap.get(name).getLookupTable(nPts=256)[:, :3]
    assert np.array_equal(table(), theirs)


def test_the_first_picture_does_not_wait_for_the_package_of_plots() -> None:
    assert "pyqtgraph" not in modules_after(
        "from gui.colormaps import diverging, sequential\ndiverging(), sequential()"
    )
