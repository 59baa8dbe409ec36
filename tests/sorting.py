"""How lists sort texts."""

import unicodedata


def sort_key(text: str) -> str:
    """Write a text in lower case and without accents."""
    letters = unicodedata.normalize("NFKD", text).casefold().translate({0xF8: "o"})
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
