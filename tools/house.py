"""House rules that no linter knows: file and function sizes, names, imports between packages."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

ROOT = Path(__file__).resolve().parent.parent
FILE_LIMIT = 400
FUNCTION_LIMIT = 60
BANNED_FILES = re.compile(r"(^|_)(utils?|helpers?|managers?|common|misc)(_|\.py$)")
BANNED_FUNCTIONS = re.compile(r"^_?(handle|process)_")
# Statements, and the parts of one that a list is made of: both stand in `rasl/db/`.
SQL = re.compile(
    r"\s*(select\s.*\sfrom\s|insert into\s|update\s.*\sset\s|delete from\s|with\s+\w+\s+as\s*\()", re.DOTALL
)
SQL_PARTS = "ListSource"


def main() -> int:
    """Print every breach and return how many there are."""
    breaches = [breach for path in _sources() for breach in _breaches(path)]
    breaches += _download_addresses()
    for breach in breaches:
        print(breach)
    return min(len(breaches), 1)


def _sources() -> Iterator[Path]:
    for folder in ("rasl", "metasim", "pgbox", "tests", "bench", "tools"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def _breaches(path: Path) -> Iterator[str]:
    name = path.relative_to(ROOT)
    text = path.read_text(encoding="utf-8")
    if text.count("\n") > FILE_LIMIT:
        yield f"{name}: {text.count(chr(10))} lines, the limit is {FILE_LIMIT}"
    if BANNED_FILES.search(path.name):
        yield f"{name}: a file is named after what it holds"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _function_breaches(f"{name}:{node.lineno}", node)
        if isinstance(node, ast.ImportFrom) and node.level > 1:
            yield f"{name}:{node.lineno}: relative import across packages"
        if name.parts[0] == "rasl" and name.parts[1] != "db" and _is_sql(node):
            yield f"{name}:{node.lineno}: SQL stands in rasl/db"


def _is_sql(node: ast.AST) -> TypeGuard[ast.expr | ast.stmt]:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    text = "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in parts)
    if isinstance(node, ast.JoinedStr | ast.Constant):
        return SQL.match(text) is not None
    return isinstance(node, ast.ImportFrom) and any(item.name == SQL_PARTS for item in node.names)


def _function_breaches(place: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    if length > FUNCTION_LIMIT:
        yield f"{place}: {node.name} has {length} lines, the limit is {FUNCTION_LIMIT}"
    if BANNED_FUNCTIONS.search(node.name):
        yield f"{place}: {node.name} says neither what it does nor to what"


def _download_addresses() -> Iterator[str]:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for number, line in enumerate(lock.splitlines(), 1):
        if "://" in line or line.startswith("-"):
            yield f"requirements.lock:{number}: holds a download address or an option"


if __name__ == "__main__":
    sys.exit(main())
