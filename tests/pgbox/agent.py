"""A process that uses the embedded server as ours would; obeys lines on stdin, answers in JSON lines."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from pgbox import EmbeddedPostgres, PostgresError
from rasl.log import configure


def main() -> None:
    configure("json", "warning")
    data_dir, fallback_root = (Path(text) for text in sys.argv[1:3])
    server = EmbeddedPostgres(data_dir, fallback_root=fallback_root)
    said: list[str] = []
    for line in sys.stdin:
        said.clear()
        answer: dict[str, Any] = {}
        try:
            obey(server, line.strip(), said)
            answer = {
                "is_owner": server.is_owner,
                "is_healthy": server.is_healthy,
                "pid": server.postmaster_pid,
            }
            answer["dsn"] = server.dsn
            answer["home"] = str(server.home)
        except PostgresError as error:
            answer |= {"error": type(error).__name__, "text": str(error)}
        sys.stdout.write(json.dumps({**answer, "said": said}) + "\n")
        sys.stdout.flush()


def obey(server: EmbeddedPostgres, command: str, said: list[str]) -> None:
    if command == "start":
        server.ensure_running(said.append)
    elif command == "watch":
        server.watch(interval=0.02)
    elif command == "release":
        server.release()
    elif command == "fork":
        leave_a_forked_child()


def leave_a_forked_child() -> None:
    """Keep a forked child that holds whatever it inherited until our stdin closes."""
    if os.fork() == 0:
        sys.stdin.read()
        os._exit(0)


if __name__ == "__main__":
    main()
