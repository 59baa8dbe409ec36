"""The walk-through of docs/operator-api.md does what it says, as it is printed."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

from tests.serving import Api
from tests.world import SECRET_KEY

PAGE = Path(__file__).parents[3] / "docs/operator-api.md"


async def test_the_walk_through_works_as_it_is_printed(api: Api, dsn: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "data").mkdir()
    told = {"base_url": f"{api.base_url}/api/v2", "control_url": f"{api.simulator.base_url}/_control"}
    (tmp_path / "data/sandbox.json").write_text(json.dumps(told))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RASL_")}
    running = await asyncio.create_subprocess_exec(
        "bash", "-ec", "\necho ----\n".join(blocks),
        cwd=tmp_path,
        env={
            **inherited,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RASL_DATABASE_URL": dsn,
            "RASL_SECRET_KEY": SECRET_KEY,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(running.communicate(), 60)
    assert running.returncode == 0, err.decode()
    parts = [part.strip().splitlines() for part in out.decode().split("----\n")]
    _, provided, connected, limited, raised, paused, used = parts
    assert [json.loads(line)["success"] for line in provided] == [True, True]
    assert json.loads(connected[-1])["data"]["tenant"] == "harbour"
    codes = [json.loads(line).get("error", {}).get("code") for line in limited]
    assert codes == [None, None, "FEATURE_LIMIT_EXCEEDED"]
    assert [json.loads(line)["success"] for line in raised] == [True, True]
    codes = [json.loads(line).get("error", {}).get("code") for line in paused]
    assert codes == [None, "ACCOUNT_SUSPENDED", None, None]
    assert any(line.split(",")[2] == "harbour" and line.split(",")[9] == "3" for line in used)
    told_of = [entry["action"] for entry in json.loads(used[-1])["data"]]
    assert told_of[:3] == ["tenant.resumed", "tenant.suspended", "tenant.changed"]
