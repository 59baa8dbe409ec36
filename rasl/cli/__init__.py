"""The `rasl` command: only the module of the command that was called is loaded."""

import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Annotated, NamedTuple

import typer
from typer.completion import completion_init  # type: ignore[attr-defined]

from rasl import __version__

_COMPLETING = "_RASL_COMPLETE"  # a shell that asks what a line could go on with sets it


class Command(NamedTuple):
    """A first word, and what the list of commands says about it.

    Its module is loaded when it is called: the function `run` there is the command, or the second words that a group
    has hang on its `app`.
    """

    name: str
    summary: str
    is_group: bool = False

    @property
    def module(self) -> str:
        """Where it is written."""
        return f"rasl.cli.{self.name.replace('-', '_')}"


COMMANDS = (
    Command("sandbox", "Try everything: database, API, worker, simulated Meta, demo tenant."),
    Command("send", "Send a text, a template or a file."),
    Command(
        "trigger",
        "Let the simulated Meta do something: people who write, statuses, templates.",
        is_group=True,
    ),
    Command("tail", "Watch messages, what Meta posts, and errors, live.", is_group=True),
    Command("api", "Call the API with your token and show what it answers."),
    Command("serve", "Run the API and Meta's webhook door."),
    Command("worker", "Run the worker: queued messages, webhooks, the schedule."),
    Command("tenant", "Create, list, show, change, suspend, export and delete tenants.", is_group=True),
    Command("plan", "Create, list, show, change and delete plans.", is_group=True),
    Command("usage", "Report what tenants use, as CSV for billing.", is_group=True),
    Command("token", "Create, list, show, change, rotate and revoke API tokens.", is_group=True),
    Command("admin-token", "Create, list, rotate and revoke tokens for the operator API.", is_group=True),
    Command("costs", "Report what messages cost, as CSV for billing; recount the ledger.", is_group=True),
    Command("rates", "Import, list, export and delete rate cards.", is_group=True),
    Command("whatsapp", "Connect, show and disconnect WhatsApp numbers.", is_group=True),
    Command("number", "The same as `rasl whatsapp`.", is_group=True),
    Command("webhook", "List webhooks and their deliveries; have some made again.", is_group=True),
    Command("contacts", "Import and export contacts as CSV.", is_group=True),
    Command("quarantine", "Look at webhooks that could not be applied; try them again.", is_group=True),
    Command("jobs", "Look at jobs that keep failing, and have them tried again.", is_group=True),
    Command("doctor", "Check the installation and say how to mend it."),
    Command("purge", "Drop what is older than the settings say."),
    Command("backup", "Write database, files and, if you say so, the secret key into one archive."),
    Command("restore", "Bring a backup into an empty place, after every checksum was compared."),
    Command("person", "Export or erase everything about one person.", is_group=True),
    Command("migrate", "Bring the database schema up to date, or check it."),
    Command("simulator", "Run the Meta simulator alone."),
    Command("completion", "Print what makes bash, zsh or fish complete commands and options."),
)


def main() -> None:
    """Run the command line and end the process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: 0 good, 1 failed, 2 called wrongly."""
    command = typer.main.get_command(_root(arguments))
    try:
        result = command.main(args=list(arguments), prog_name="rasl", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - the last place where anything can still be told in one sentence
        # Loaded only when something failed: it knows the errors of every layer.
        failures = importlib.import_module("rasl.cli.failures")
        return int(failures.report(error, as_json="--json" in arguments))
    return result if isinstance(result, int) else 0


def _root(arguments: Sequence[str]) -> typer.Typer:
    words = _words_to_complete() if _COMPLETING in os.environ else arguments
    wanted = next((word for word in words if not word.startswith("-")), None)
    root = typer.Typer(name="rasl", no_args_is_help=True, add_completion=False, rich_markup_mode=None)
    root.callback()(_about)
    for command in COMMANDS:
        if command.name != wanted:
            root.command(command.name, help=command.summary)(_not_loaded)
        elif command.is_group:
            root.add_typer(_loaded(command).app, name=wanted, help=command.summary)
        else:
            root.command(wanted)(_loaded(command).run)
    return root


def _words_to_complete() -> list[str]:
    """Return the words that a shell wants completed: it tells them by its environment, not as arguments."""
    completion_init()
    told = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")
    return told.split()[1:]


def _loaded(command: Command) -> ModuleType:
    return importlib.import_module(command.module)


def _not_loaded() -> None:
    """Stand in the list of commands."""


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"rasl {__version__}")
        raise typer.Exit


def _about(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """RASL: a WhatsApp Business platform you host yourself.

    Settings come from the environment (RASL_*), see docs/settings.md. Without RASL_DATABASE_URL an embedded
    PostgreSQL in the data folder is used. Every command takes --json.
    """
