"""The nginx configuration of the documentation is one that nginx takes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
DOCUMENT = Path(__file__).parents[2] / "docs/operation.md"


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_nginx_takes_the_documented_configuration(tmp_path: Path) -> None:
    assert NGINX is not None
    block = re.search(r"```nginx\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    path = tmp_path / "nginx.conf"
    path.write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {block[1]} }}",
        encoding="utf-8",
    )
    command = [NGINX, "-t", "-q", "-c", str(path), "-p", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603
    assert done.returncode == 0, done.stderr
