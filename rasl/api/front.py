"""GET /: what this is, and where to read on; a page for people, an envelope for programs."""

import base64
import hashlib

from litestar import get
from litestar.types import ASGIApp, Receive, Scope, Send

from rasl import __version__
from rasl.web.envelope import success
from rasl.web.request import ApiRequest

# Relative in the page, so that it works under whatever name it was asked for.
_LINKS = {
    "docs": ("docs", "Documentation, and a place to try it"),
    "openapi": ("api/v2/openapi.json", "OpenAPI document"),
    "health": ("readyz", "Health"),
}
_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; font: 16px/1.6 system-ui, sans-serif; color: #1c1917; background: #fafaf9; }
main { max-width: 34rem; margin: 0 auto; padding: 18vh 1.5rem 3rem; }
h1 { margin: 0; font-size: 2rem; letter-spacing: -0.02em; }
p { margin: 0.25rem 0 1.5rem; color: #57534e; }
ul { margin: 0; padding: 0; list-style: none; }
li { border-top: 1px solid #e7e5e4; }
a { display: block; padding: 0.75rem 0; color: #047857; }
@media (prefers-color-scheme: dark) {
  body { color: #f5f5f4; background: #1c1917; }
  p { color: #a8a29e; }
  li { border-color: #44403c; }
  a { color: #6ee7b7; }
}
"""
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>RASL</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>RASL</h1>
<p>WhatsApp Business messaging over REST, version {__version__}</p>
<ul>
{"".join(f'<li><a href="{path}">{text}</a></li>' for path, text in _LINKS.values())}
</ul>
</main>
</body>
</html>
""".encode()
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# Nothing is loaded and nothing runs: the one style is known by its hash.
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-length", b"%d" % len(_PAGE)),
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
]


@get("/", include_in_schema=False)
async def show_front(request: ApiRequest) -> ASGIApp:
    """Show a page to whoever takes HTML, else the same as data."""
    request.context.headers.append((b"vary", b"Accept"))
    if b"text/html" in request.context.asked.get(b"accept", b""):
        return _show_page
    base = request.resources.settings.base_url
    links = {name: f"{base}/{path}" for name, (path, _) in _LINKS.items()}
    return success(request, "RASL API", {"name": "RASL", "version": __version__, **links})


async def _show_page(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _PAGE, "more_body": False})


HANDLERS = (show_front,)
