"""The reference pages know every setting and every command."""

import dataclasses
from pathlib import Path

import typer

from rasl.cli import (
    COMMANDS,
    admin_token,
    contacts,
    jobs,
    person,
    plan,
    quarantine,
    tail,
    tenant,
    token,
    trigger,
    usage,
    webhook,
    whatsapp,
)
from rasl.setting_names import environment_name
from rasl.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


def test_every_setting_is_documented_in_its_own_words() -> None:
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    for field in dataclasses.fields(Settings):
        line = next(
            (line for line in text.splitlines() if line.startswith(f"| `{environment_name(field.name)}` ")),
            "",
        )
        assert field.metadata["help"] in line, field.name


def test_every_command_is_documented() -> None:
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"## `rasl {command.name}" in text, command.name
    for noun, app in (
        ("admin-token", admin_token.app),
        ("contacts", contacts.app),
        ("plan", plan.app),
        ("quarantine", quarantine.app),
        ("jobs", jobs.app),
        ("person", person.app),
        ("tail", tail.app),
        ("tenant", tenant.app),
        ("token", token.app),
        ("trigger", trigger.app),
        ("usage", usage.app),
        ("webhook", webhook.app),
        ("whatsapp", whatsapp.app),
    ):
        for verb in verbs(app):
            assert f"`rasl {noun} {verb} " in text or f"`rasl {noun} {verb}`" in text, f"{noun} {verb}"


def verbs(app: typer.Typer) -> list[str]:
    """Return the second words of a noun."""
    return [
        info.name or (info.callback.__name__ if info.callback else "") for info in app.registered_commands
    ]
