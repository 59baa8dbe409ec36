"""What commands print: one JSON object, or a few friendly lines. Progress goes to stderr."""

import contextlib
import datetime as dt
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:  # a command that needs no database does not load its driver
    from rasl.db.pool import Row

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
TenantOption = Annotated[str, typer.Option("--tenant", help="Subdomain or id of the tenant.")]

_WIDE = 200
_UNITS = ("B", "KB", "MB", "GB", "TB")


def show(as_json: bool, value: dict[str, Any], *texts: str | Table) -> None:
    """Print the result of a command for a machine or for a person."""
    if as_json:
        sys.stdout.write(f"{msgspec.json.encode(value).decode()}\n")
    else:
        width = None if sys.stdout.isatty() else _WIDE
        console = Console(highlight=False, markup=False, emoji=False, width=width)
        for text in texts:
            # Wrapping would break addresses and commands that are meant to be copied.
            console.print(text, soft_wrap=isinstance(text, str))
    sys.stdout.flush()


def progress(line: str) -> None:
    """Tell a person what is going on."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


class Bar(NamedTuple):
    """A bar of bytes: told first how many there may be, then those that were dealt with."""

    begin: Callable[[int], None]
    advance: Callable[[int], None]


@contextlib.contextmanager
def bar_of(title: str) -> Iterator[Bar]:
    """Show a bar on a terminal, on standard error, so that --json prints one object only; elsewhere nothing."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as shown:
        task = shown.add_task(title, total=None)
        yield Bar(
            lambda total: shown.update(task, total=total), lambda size: shown.update(task, advance=size)
        )


def size_of(count: int) -> str:
    """Write a number of bytes for people."""
    size, unit = float(count), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{count} B"


def table(
    columns: Sequence[str], rows: "Sequence[Mapping[str, Any] | Row]", headings: Sequence[str] = ()
) -> Table:
    """Lay out these columns of a list, under their own names or under headings."""
    result = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings or columns:
        result.add_column(heading, overflow="fold")
    for row in rows:
        result.add_row(*(_cell(row[column]) for column in columns))
    return result


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return str(value.strftime("%Y-%m-%d %H:%M"))
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)
