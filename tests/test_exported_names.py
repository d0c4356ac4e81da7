"""The public names: `__all__`, what type checkers see and what is there are the same."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sensorium

SOURCE = ast.parse(Path(sensorium.__file__).read_text(encoding="utf-8"))


def names_for_type_checkers() -> dict[str, str]:
    """Name and home module of everything imported under ``if TYPE_CHECKING``."""
    blocks = [n for n in SOURCE.body if isinstance(n, ast.If)]
    imports = [n for b in blocks for n in b.body if isinstance(n, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def test_all_is_sorted_and_has_no_doubles():
    assert sensorium.__all__ == sorted(set(sensorium.__all__))


def test_type_checkers_see_the_same_names():
    assert sorted(names_for_type_checkers()) == sensorium.__all__


@pytest.mark.parametrize("name", sensorium.__all__)
def test_each_name_is_there_and_comes_from_where_type_checkers_look(name):
    home = __import__(names_for_type_checkers()[name], fromlist=[name])
    assert getattr(sensorium, name) in (getattr(home, name), home)
    assert callable(getattr(sensorium, name))


def test_completion_offers_the_names():
    assert set(sensorium.__all__) <= set(dir(sensorium))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'wacht'"):
        sensorium.wacht  # noqa: B018


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600
    )
    return done.stdout.strip()


def test_import_loads_nothing_heavy():
    heavy = "{'torch', 'numpy', 'av', 'cv2', 'matplotlib', 'rich', 'tyro', 'accelerate'}"
    assert run(f"import sensorium, sys; print(sorted({heavy} & set(sys.modules)))") == "[]"


def test_import_and_use_touch_no_network():
    code = """
import socket
def refuse(*a, **k): raise AssertionError("network")
socket.socket.connect = socket.create_connection = refuse
import sensorium
[getattr(sensorium, name) for name in sensorium.__all__]
print("fine")
"""
    assert run(code) == "fine"


def test_the_function_watch_survives_the_import_of_its_package():
    code = """
import sensorium
import sensorium.watch
from sensorium.watch import Report
print(callable(sensorium.watch), sensorium.watch.__name__)
"""
    assert run(code).startswith("True")
