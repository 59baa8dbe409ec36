"""Terms of two characters, said in a way that an index of trigrams finds.

Trigrams do not know `yd`, but they know `yda`, `ayd`, and `yd` at the end of a word. So the term is looked for together
with the character before it or behind it: a letter that such a word can have there, or what stands between words. In a
million contacts that takes 0.4 ms for a term that nobody has, where reading all of them takes 800.

What that misses stands alone between two characters that are neither: `yd` in `客yd户`. The database knows such texts
(`has_lone_pair`, an index of their rows), so nothing is missed that anybody types. The function has these letters and
marks, and a new one here needs a new function there.
"""

import functools
import re

_DIGITS = frozenset("0123456789")
# What stands between words. With all control characters besides, PostgreSQL would give up on the expression.
_MARKS = frozenset(" \t\n\v\f\r!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\u00a0·«»")


def _script(*ranges: str) -> frozenset[str]:
    """Return the letters in these ranges (first and last), and digits, which stand beside all of them."""
    return _DIGITS | {chr(code) for ends in ranges for code in range(ord(ends[0]), ord(ends[-1]) + 1)}


# The capital of each is that of another letter, too, which an expression for any case would find.
_AMBIGUOUS = frozenset("\u0131\u03c2")
# PostgreSQL gives up on an expression that stands for more than 256 trigrams, and there are two sides: no script has
# more than 120 letters here. The index knows no characters from U+0800 on.
_SCRIPTS = (
    _script("az", "ßö", "øÿ", *"āăąćčďđēėęěğģ\u0131īįķļłńņňōőœŕřśşšţťūůűųżźž"),
    _script("άώ"),
    _script("\u0430\u045f", *"\u0491\u0493\u049b\u04a3\u04af\u04b1\u04bb\u04d9\u04e9"),
    _script("את"),
    _script(
        "\u0621\u063a",
        "\u0641\u064a",
        *"\u0679\u067e\u0686\u0688\u0691\u0698\u06a9\u06af\u06ba\u06be\u06c1\u06cc\u06d2",
    ),
)


@functools.lru_cache(4096)
def short_term(word: str) -> str | None:
    """Return the regular expression by which an index finds a word, None when it is not of two characters of a script.

    A text with the word that the expression does not fit begins or ends with it, or has a lone pair.
    """
    lowered = word.lower()
    if len(lowered) != 2:
        return None
    script = next((script for script in _SCRIPTS if script.issuperset(lowered)), None)
    if script is None or not _AMBIGUOUS.isdisjoint(lowered):
        return None
    beside = "[" + "".join(map(_escaped, sorted(script | _MARKS))) + "]"
    return f"{lowered}{beside}|{beside}{lowered}"


def _escaped(character: str) -> str:
    return f"\\{character}" if re.match(r"[\\\[\]^-]", character) else character
