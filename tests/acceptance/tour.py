"""The tour as it is printed: lines of the README and of `make run`, run by a shell, and what they answer."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

README = Path(__file__).parents[2] / "README.md"
_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_TITLE = re.compile(r"^\*\*(.+?)\*\*|^(`make run`)", re.MULTILINE)
_MARK = "@@@@"


def readme_blocks() -> list[tuple[str, str]]:
    """Return what the README says to paste, each block under the bold words before it."""
    text = README.read_text(encoding="utf-8")
    tour = text[text.index("## The first ten minutes") : text.index("## Production")]
    found = []
    for block in _BLOCK.finditer(tour):
        title = [*_TITLE.finditer(tour, 0, block.start())][-1]
        found.append(((title[1] or title[2]).rstrip("."), block[1]))
    return found


def printed_blocks(output: str) -> list[tuple[str, str]]:
    """Return what a sandbox says to paste, each group of lines under the words before it."""
    found: list[tuple[str, str]] = []
    title = ""
    for line in output[output.index("Paste into a second terminal") :].splitlines():
        if line.startswith("  "):
            if found and found[-1][0] == title:
                found[-1] = (title, f"{found[-1][1]}{line}\n")
            else:
                found.append((title, f"{line}\n"))
        else:
            title = line.rstrip(":")
    return found


def paste(blocks: list[tuple[str, str]], folder: Path) -> dict[str, str]:
    """Run all blocks in one shell of this folder and return what each printed; nothing may go to standard error."""
    script = "".join(f"echo '{_MARK}'\n{block}" for _, block in blocks)
    done = subprocess.run(
        ["bash"],  # noqa: S607 - the newcomer's shell
        input=script,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stderr == ""
    _, *outputs = done.stdout.split(f"{_MARK}\n")
    return dict(zip((title for title, _ in blocks), outputs, strict=True))


def answers(output: str) -> list[dict[str, Any]]:
    """Return the JSON answers among printed lines."""
    return [*_answers(output)]


def _answers(output: str) -> Iterator[dict[str, Any]]:
    for line in output.splitlines():
        if line.startswith("{"):
            yield json.loads(line)
