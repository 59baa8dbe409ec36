"""Our own sources, parsed by tests."""

import ast
import gc
from pathlib import Path


def tree_of(path: Path) -> ast.Module:
    """Parse a file while no garbage is collected.

    CPython 3.11 counts how deep it is in building a tree in one place for the whole process. Garbage collected halfway
    may log (a task nobody waited for, say), a log with a traceback parses the line it shows, and the count is off then:
    `SystemError: AST constructor recursion depth mismatch`.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    finally:
        if was_enabled:
            gc.enable()
