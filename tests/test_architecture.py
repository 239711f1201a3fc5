"""Rules of the code: imports, lengths of files and functions, and where colours are defined."""

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CODE = sorted([ROOT / "main.py", *(ROOT / "engine").rglob("*.py"), *(ROOT / "gui").rglob("*.py")])


def modules_after(statements: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has loaded after running `statements`."""
    program = f"import sys\n{statements}\nprint(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_engine_does_not_import_the_window() -> None:
    loaded = modules_after("import engine.service.handlers, engine.cli.main")
    assert "torch" in loaded
    assert not {"PySide6", "shiboken6", "pyqtgraph", "gui"} & loaded
    assert "scipy" not in loaded  # it takes half a second to import, and only searching needs it


def test_the_first_training_step_does_not_import_torchs_compiler() -> None:
    """torch.optim and random numbers on the meta device would import it, which takes seconds."""
    a_step = (
        "import numpy as np\n"
        "from engine.messages.training import TrainingSettings\n"
        "from engine.model.transformer import Transformer\n"
        "from engine.text.corpus import Corpus\n"
        "from engine.training.recipe import model_config\n"
        "from engine.training.tasks.language_modelling import LanguageModelling\n"
        "from engine.training.trainer import Trainer\n"
        "settings = TrainingSettings(vocabulary=50, layers=1, heads=1, width=8, context=8, batch=1, steps=1)\n"
        "model = Transformer(model_config(settings, 50))\n"
        "task = LanguageModelling(Corpus(np.zeros(1000, np.uint16)), settings)\n"
        "list(Trainer(model, task, settings).run())"
    )
    assert "sympy" not in modules_after(a_step)


def test_the_window_never_imports_torch() -> None:
    every_pane = (
        "import os; os.environ['QT_QPA_PLATFORM'] = 'offscreen'\n"
        "import gui.app, gui.export, gui.window.main_window\n"
        "from gui.panes import PANES\n"
        "for info in PANES: info.load()"
    )
    loaded = modules_after(every_pane)
    assert "pyqtgraph" in loaded
    assert not {"torch", "tokenizers", "safetensors", "transformers"} & loaded


def test_the_first_window_imports_no_slow_packages() -> None:
    assert not {"torch", "pyqtgraph", "scipy"} & modules_after(
        "import gui.app, gui.window.main_window, gui.engine_link"
    )


def test_init_files_of_the_engine_are_empty() -> None:
    """Importing the messages then imports nothing else; only their own file contains an overview."""
    markers = [path for path in (ROOT / "engine").rglob("__init__.py") if path.parent.name != "messages"]
    assert markers
    assert all(path.read_text() == "" for path in markers)


def test_colours_are_defined_in_the_theme_only() -> None:
    color = re.compile(r"""["']#[0-9a-fA-F]{3,8}["']""")
    guilty = [
        p.name for p in (ROOT / "gui").rglob("*.py") if p.name != "theme.py" and color.search(p.read_text("utf-8"))
    ]
    assert guilty == []


def calls(path: Path, name: str) -> list[ast.Call]:
    """Return the calls of a function or method in a file."""
    found = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    return [node for node in found if getattr(node.func, "attr", getattr(node.func, "id", "")) == name]


def test_names_are_never_given_to_qt_as_possible_html() -> None:
    """A tooltip is a sentence without arguments, or passes through `tip`; a label is made by `layout.label`."""
    guilty = []
    for path in (ROOT / "gui").rglob("*.py"):
        made = calls(path, "QLabel") if path.name != "layout.py" else []
        shown = calls(path, "showText") if path.name != "painted.py" else []
        tips = [call for call in calls(path, "setToolTip") if not is_plain(call.args[-1])]
        boxes = [
            call for kind in ("information", "warning", "critical", "question", "about") for call in calls(path, kind)
        ]
        guilty += [f"{path.name}:{call.lineno}" for call in (*made, *shown, *tips, *boxes)]
    assert guilty == []


def is_plain(words: ast.expr) -> bool:
    """Return whether an expression is `tip(…)`, or `t(…)` with nothing but a key."""
    if not isinstance(words, ast.Call) or not isinstance(words.func, ast.Name):
        return False
    return words.func.id == "tip" or (words.func.id == "t" and not words.keywords)


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def part_of(sizes: list[int], share: float) -> int:
    """Return the size that this share of all does not exceed."""
    return sorted(sizes)[int(share * len(sizes))]


def test_files_keep_their_budget() -> None:
    """Check that 95 % of the files have at most 400 lines, and none more than 520."""
    assert [path.name for path in CODE if lines(path) > 520] == []
    assert part_of([lines(path) for path in CODE], 0.95) <= 400


def test_functions_keep_their_budget() -> None:
    """Check that half of the functions have at most 8 lines, 95 % at most 30, and none more than 60."""
    sizes = {
        (path.name, node.name, node.lineno): (node.end_lineno or 0) - node.lineno + 1
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert [function for function, size in sizes.items() if size > 60] == []
    assert part_of(list(sizes.values()), 0.5) <= 8
    assert part_of(list(sizes.values()), 0.95) <= 30


def test_there_are_at_least_065_lines_of_tests_per_line_of_code() -> None:
    tests = [path for path in (ROOT / "tests").rglob("*.py") if path.parent.name != "benchmarks"]
    assert sum(map(lines, tests)) >= 0.65 * sum(map(lines, CODE))


def test_the_transformer_has_at_most_420_lines() -> None:
    assert len((ROOT / "engine/model/transformer.py").read_text("utf-8").splitlines()) <= 420
