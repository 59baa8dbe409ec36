"""What people are called, as far as anybody knows."""

from rasl.domain import phone

_SHORTEST = 7  # digits of a number that is no other text


def known_name(firstname: str, number: str | None) -> str | None:
    """Return a first name, None where it only says the phone or the id under which the contact was created."""
    name = firstname.strip()
    if phone.is_bsuid(name):
        return None
    digits = name.removeprefix("+")
    if len(digits) < _SHORTEST or not (digits.isascii() and digits.isdecimal()):
        return firstname
    own = "".join(sign for sign in number or "" if sign.isascii() and sign.isdecimal()).lstrip("0")
    # Numbers of imported contacts may be kept without their country.
    is_own = len(own) >= _SHORTEST and (digits.endswith(own) or own.endswith(digits))
    return None if is_own else firstname
