"""The guides of `docs/`, as pages of the server: rendered once, each heading with an address of its own."""

import functools
import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

# In an installed server the guides lie in this package; in a checkout they are where people edit them.
_FOLDERS = (Path(__file__).parent / "guides", Path(__file__).parents[3] / "docs")
ROOT = "/docs/guides"
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_NO_WORD = re.compile(r"[^\w]+")
_ALIGNED = re.compile(r"text-align:(left|center|right)")
_NUMBERED = re.compile(r"\d+-")


class Section(NamedTuple):
    """A part of a guide under one heading, as plain text."""

    anchor: str
    title: str
    text: str


class Guide(NamedTuple):
    """A guide as it is shown."""

    name: str
    title: str
    body: str
    sections: tuple[Section, ...]

    @property
    def address(self) -> str:
        """Return where it is."""
        return f"{ROOT}/{self.name}"


@functools.cache
def guides() -> dict[str, Guide]:
    """Return every guide by its name, those about decisions last."""
    folder = next((it for it in _FOLDERS if it.is_dir()), None)
    paths = sorted(folder.rglob("*.md")) if folder else []
    names = {path: path.relative_to(folder).with_suffix("").as_posix() for path in paths if folder}
    ordered = sorted(paths, key=lambda path: ("/" in names[path], names[path]))
    return {names[path]: _read(path, names[path], frozenset(names.values())) for path in ordered}


def _read(path: Path, name: str, known: frozenset[str]) -> Guide:
    tokens = _MARKDOWN.parse(path.read_text(encoding="utf-8"))
    sections = tuple(_sections(tokens))
    for token in _every(tokens):
        _mend_address(token, name, known)
        _mend_alignment(token)
    title = sections[0].title if sections else name
    return Guide(name, title, _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}), sections)


def _sections(tokens: list[Token]) -> Iterator[Section]:
    """Yield the sections, and give each heading the address that they tell."""
    anchor, title, texts, taken = "", "", list[str](), set[str]()
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            if title:
                yield Section(anchor, title, " ".join(texts))
            title, texts = _text(tokens[place + 1]), []
            anchor = _free(slug(title), taken)
            token.attrSet("id", anchor)
        elif token.type == "inline" and tokens[place - 1].type != "heading_open":
            texts.append(_text(token))
        elif token.type in {"fence", "code_block"}:
            texts.append(token.content)
    if title:
        yield Section(anchor, title, " ".join(texts))


def slug(title: str) -> str:
    """Return what stands for a heading in an address, as code hosts write it."""
    return _NO_WORD.sub("-", title.lower()).strip("-") or "section"


def _free(anchor: str, taken: set[str]) -> str:
    found = next(
        it for it in (anchor, *(f"{anchor}-{number}" for number in range(1, 999))) if it not in taken
    )
    taken.add(found)
    return found


def _text(token: Token) -> str:
    return "".join(
        " " if child.type in {"softbreak", "hardbreak"} else child.content for child in token.children or ()
    )


def _every(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _every(token.children or [])


def _mend_address(token: Token, name: str, known: frozenset[str]) -> None:
    """Lead from guide to guide; a link to a file that the server does not show is text only."""
    address = token.attrGet("href") if token.type == "link_open" else None
    if not isinstance(address, str) or "://" in address or address.startswith(("#", "mailto:")):
        return
    path, _, anchor = address.partition("#")
    parts = [*name.split("/")[:-1]]
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1] if parts else ["..", "."]
        elif part != ".":
            parts.append(part)
    target = "/".join(parts).removesuffix(".md")
    if target in known:
        token.attrSet("href", f"{ROOT}/{target}{'#' if anchor else ''}{anchor}")
    else:
        token.attrs = {"class": "elsewhere", "title": "In the repository"}


def _mend_alignment(token: Token) -> None:
    """Align cells by class: the page's policy allows no inline style."""
    style = token.attrs.pop("style", None)
    if style and (found := _ALIGNED.fullmatch(str(style))):
        token.attrSet("class", f"to-{found[1]}")


def menu(current: str) -> str:
    """Return the list of all pages as HTML, the current one marked."""
    groups: dict[str, list[str]] = {"Guides": [], "Decisions": []}
    for guide in guides().values():
        mark = ' aria-current="page"' if guide.name == current else ""
        group = "Decisions" if "/" in guide.name else "Guides"
        title = html.escape(guide.title)
        groups[group].append(f'<li><a href="{guide.address}"{mark}>{title}</a></li>')
    return "\n".join(f"<h2>{name}</h2><ul>{''.join(items)}</ul>" for name, items in groups.items() if items)
