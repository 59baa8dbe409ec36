"""Where a running sandbox tells its addresses and tokens, for commands that use it without running it."""

import json
import os
from pathlib import Path
from typing import Any

from rasl.settings import Settings


def sandbox_file(settings: Settings) -> Path:
    """Where a running sandbox tells its addresses and tokens."""
    return settings.data_dir / "sandbox.json"


def running_sandbox(settings: Settings) -> dict[str, Any]:
    """Return what the sandbox that runs on this data folder says of itself; nothing where none runs."""
    try:
        told = json.loads(sandbox_file(settings).read_text(encoding="utf-8"))
        is_running = _is_running(told["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return told if is_running and isinstance(told, dict) else {}


def _is_running(pid: int) -> bool:
    """Tell whether a process is there, whoever's it is: the file outlives a sandbox that was killed."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
