import subprocess
import sys

import pytest

from sensorium.cli import entry
from sensorium.cli.entry import COMMANDS, main


def test_alone_it_prints_help(run):
    ran = run()
    assert ran.code == 0
    assert ran.out == run("--help").out
    for name in COMMANDS:
        assert name in ran.out
    assert ran.out.index("watch ") < ran.out.index("recognize ") < ran.out.index("train ")


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_has_help_with_examples(run, command):
    ran = run(command, "--help")
    assert ran.code == 0
    assert f"sensorium {command}" in ran.out
    for example in COMMANDS[command].EXAMPLES:
        assert example in ran.out
        assert example.startswith(f"sensorium {command}")
    for option in ("--json", "--debug"):
        assert option in ran.out


def test_version(run):
    from importlib.metadata import version

    assert run("--version").out == f"sensorium {version('sensorium')}\n"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["wach", "x.mp4"], ["'wach'", "did you mean 'watch'?"]),
        (["--json", "watch"], ["--json", "sensorium --help"]),
        (["watch"], ["no file", "sensorium watch FILE"]),
        (["recognize", "--sytem", "x"], ["--sytem", "did you mean --system?"]),
        (["train", "stnte"], ["'stnte'", "did you mean 'stnet'?"]),
        (["evaluate", "no-such-system"], ["no-such-system"]),
        (["recognize", "x.mp4", "--system", "no-such-system"], ["no-such-system"]),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(run, arguments, parts):
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    for part in parts:
        assert part in ran.complaint


def test_a_device_that_is_not_there_is_wrong_usage(run, video, system):
    ran = run("recognize", video, "--system", system, "--device", "cuda:99")
    assert ran.code == 2
    assert "cuda:99" in ran.complaint
    assert "cpu" in ran.complaint


def raising(error: BaseException):
    """A run that ends with ``error``."""

    def run(command: object) -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ValueError("x: got a, expected b"), 1, "error: x: got a, expected b"),
        (KeyboardInterrupt(), 130, "sensorium: stopped"),
        (KeyboardInterrupt("go on with: it"), 130, "sensorium: stopped; go on with: it"),
        (KeyError("k"), 1, "error: KeyError: 'k'; this is a bug: run again with --debug"),
    ],
)
def test_whatever_ends_a_command_is_one_line(run, monkeypatch, error, code, line):
    monkeypatch.setattr(entry, "run", raising(error))
    ran = run("models")
    assert (ran.code, ran.out) == (code, "")
    assert ran.complaint.startswith(line)


def test_debug_shows_the_traceback(run, monkeypatch):
    monkeypatch.setattr(entry, "run", raising(KeyError("k")))
    ran = run("models", "--debug")
    assert ran.code == 1
    assert "Traceback" in ran.err
    assert ran.err.splitlines()[-1] == "error: KeyError: 'k'"


def test_warnings_and_log_are_notes_on_stderr_once(run, monkeypatch):
    import logging
    import warnings

    def noisy(self, console) -> int:
        warnings.filterwarnings("always")
        for _ in range(2):
            warnings.warn("hot\nday", stacklevel=1)
            logging.getLogger("sensorium.test").warning("%s night", "cold")
        print("not a record")
        console.record({"file": "x"})
        return 0

    monkeypatch.setattr(COMMANDS["models"], "run", noisy)
    ran = run("models", "--json")
    assert ran.records == [{"file": "x"}]
    assert ran.err.splitlines() == ["note: hot day", "note: cold night", "not a record"]


def sensorium(*arguments: str, **options) -> subprocess.Popen:
    """The command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "sensorium", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_help_needs_no_torch():
    code = (
        "import sys; from sensorium.cli import main; code = main(['--help']); "
        "print(code, 'torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600
    )
    assert done.stderr == "0 False\n"


def test_a_reader_that_left_is_met_with_silence():
    process = sensorium("train", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=600) == 141
    process.stderr.close()


def test_completion_scripts_are_written(tmp_path, run):
    for shell in ("bash", "zsh", "fish"):
        target = tmp_path / shell
        assert run("--tyro-write-completion", shell, target).code == 0
        assert "recognize" in target.read_text()


def test_main_takes_the_process_arguments(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sensorium", "--version"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("sensorium ")
