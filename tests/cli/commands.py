"""Runs the real command, as a user would."""

import asyncio
import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import asyncpg

from rasl.cli import run

CONNECTION = {
    "waba-id": "102290129340398",
    "access-token": "EAAsecretaccesstoken0123456789",
    "app-secret": "the-app-secret-of-acme",
    "verify-token": "the-verify-token-of-acme",
}


@dataclass(frozen=True)
class Outcome:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        assert self.out.count("\n") == 1, self.out
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value

    @property
    def everything(self) -> str:
        """All that anybody could read."""
        return self.out + self.err


@dataclass(frozen=True)
class Rasl:
    """The command on one data folder."""

    data_dir: Path
    dsn: str

    def __call__(self, *arguments: str, stdin: str = "", **settings: str) -> Outcome:
        """Run `rasl` with these arguments and settings, and type something if it asks."""
        done = subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, "-m", "rasl", *arguments],
            env=environment(self.data_dir, settings),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def good(self, *arguments: str, **settings: str) -> dict[str, Any]:
        """Run with --json what has to work."""
        outcome = self(*arguments, "--json", **settings)
        assert outcome.code == 0, outcome.everything
        return outcome.value

    def bad(self, *arguments: str, **settings: str) -> dict[str, str]:
        """Run with --json what has to fail, and return the error."""
        outcome = self(*arguments, "--json", **settings)
        assert outcome.code in {1, 2}, outcome.everything
        assert "Traceback" not in outcome.everything
        assert outcome.value.keys() == {"error"}
        error: dict[str, str] = outcome.value["error"]
        assert error.keys() == {"code", "message"}
        return error

    def connect(self, tenant: str, phone_number_id: str, **changes: str) -> tuple[str, ...]:
        """Return the arguments that connect a number without asking Meta, which is not there in these tests."""
        options = CONNECTION | {"phone-number-id": phone_number_id, "tenant": tenant} | changes
        return (
            "whatsapp",
            "connect",
            "--no-check",
            *(f"--{name}={value}" for name, value in options.items()),
        )

    def query(self, sql: str, *values: Any) -> list[Any]:
        """Look into the database."""

        async def ask() -> list[Any]:
            connection = await asyncpg.connect(self.dsn)
            try:
                return list(await connection.fetch(sql, *values))
            finally:
                await connection.close()

        return asyncio.run(ask())


@dataclass(frozen=True)
class Terminal:
    """The command in this process beside its servers: it runs in a thread, so that they can answer it."""

    data_dir: Path
    settings: Mapping[str, str]

    async def __call__(self, *arguments: str, **settings: str) -> Outcome:
        """Run `rasl` with these arguments and settings."""
        env = environment(self.data_dir, {**self.settings, **settings})
        return await asyncio.to_thread(_run_here, arguments, env)

    async def good(self, *arguments: str, **settings: str) -> dict[str, Any]:
        """Run with --json what has to work."""
        outcome = await self(*arguments, "--json", **settings)
        assert outcome.code == 0, outcome.everything
        return outcome.value

    async def bad(self, *arguments: str, **settings: str) -> dict[str, Any]:
        """Run with --json what has to fail, and return the error."""
        outcome = await self(*arguments, "--json", **settings)
        assert outcome.code in {1, 2}, outcome.everything
        assert "Traceback" not in outcome.everything
        error: dict[str, Any] = outcome.value["error"]
        return error


def _run_here(arguments: Sequence[str], env: Mapping[str, str]) -> Outcome:
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with (
        mock.patch.dict(os.environ, env, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = run(arguments)
    out.flush()
    return Outcome(code, out.buffer.getvalue().decode(), err.getvalue())


def environment(data_dir: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the caller's own settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RASL_")}
    return {**inherited, "RASL_DATA_DIR": str(data_dir), "NO_COLOR": "1", **settings}
