"""Shells complete commands, their second words and their options."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rasl.cli import run
from rasl.cli.completion import SHELLS
from tests.cli.commands import environment

_BASH = """
{script}
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _rasl_completion rasl; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
# `compinit` wants a terminal, so what the script registers is caught, and called for one line.
_ZSH = """
compdef() {{ :; }}; _arguments() {{ print -r -- "$@"; }}; _files() {{ :; }}
{script}
words=({words}); CURRENT=${{#words}}; _rasl_completion
"""
_FISH = """
{script}
complete -C '{line}'
"""


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("rasl t", {"tail", "tenant", "token", "trigger"}),
        ("rasl whatsapp dis", {"disconnect"}),
        ("rasl send --idem", {"--idempotency-key"}),
    ],
)
def test_a_line_is_completed(
    shell: str, line: str, completed: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    text = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}[shell].format(script=script, words=line, line=line)
    (tmp_path / "rasl").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m rasl "$@"\n', encoding="utf-8")
    (tmp_path / "rasl").chmod(0o755)
    env = environment(tmp_path, {"HOME": str(tmp_path)})
    done = subprocess.run(  # noqa: S603 - the shell that is installed
        [program, "-c", text],
        env=env | {"PATH": f"{tmp_path}:{env['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert not done.stderr
    found = {word for word in completed if word in done.stdout}
    assert found == completed
    assert "migrate" not in done.stdout, "what does not begin so is not offered"


def test_another_shell_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "tcsh"]) == 2
    assert "bash, zsh, fish" in capsys.readouterr().err
