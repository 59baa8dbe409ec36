"""Names that mean nothing in a body, and the ones that were perhaps meant."""

import difflib
import functools
import re
from collections.abc import Iterable

_LONGEST = 64
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# What other APIs and older clients call it: the field of ours is the first of these that a body has.
_SYNONYMS = {
    "to": ("phone",),
    "phone_number": ("phone",),
    "phonenumber": ("phone",),
    "recipient": ("phone",),
    "number": ("phone",),
    "mobile": ("phone",),
    "whatsapp": ("phone",),
    "wa_id": ("phone",),
    "text": ("message", "body_text", "caption", "comment"),
    "body": ("message", "body_text", "caption", "comment"),
    "content": ("message", "body_text", "comment"),
    "msg": ("message", "body_text"),
    "template": ("template_name",),
    "lang": ("language",),
    "language_code": ("language",),
    "locale": ("language",),
    "params": ("parameters",),
    "variables": ("parameters",),
    "type": ("media_type",),
    "url": ("media_url", "button_url"),
    "link": ("media_url", "button_url"),
    "file": ("media_file",),
    "media": ("media_file",),
    "file_name": ("filename",),
    "first_name": ("firstname",),
    "last_name": ("lastname",),
    "given_name": ("firstname",),
    "surname": ("lastname",),
    "name": ("firstname", "template_name"),
    "mail": ("email",),
    "group": ("groups",),
    "group_id": ("groups",),
    "group_ids": ("groups",),
    "tags": ("groups",),
    "source": ("source_id",),
    "status": ("status_id",),
    "country": ("country_id",),
    "assigned_to": ("assigned_id",),
    "custom_fields": ("attributes",),
    "otp": ("code",),
    "pin": ("code",),
    "otp_code": ("code",),
    "expiry": ("expiry_minutes",),
    "sender": ("from_phone_number_id",),
    "from": ("from_phone_number_id",),
    "phone_number_id": ("from_phone_number_id",),
    "reply_to": ("context",),
    "footer": ("footer_text",),
    "header": ("header_text",),
    "lat": ("latitude",),
    "lng": ("longitude",),
    "lon": ("longitude",),
}


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """Return the known name of a field that an unknown one most likely stands for, None when there is none."""
    names = tuple(known)
    plain = plainly(name)
    if plain not in names:
        for meant in _SYNONYMS.get(plain, ()):
            if meant in names:
                return meant
    return nearest(plain, names)


def nearest(name: str, known: tuple[str, ...], likeness: float = 0.6) -> str | None:
    """Return the known name that is written most like another, at least so much (0 to 1); None when none is."""
    return _nearest(plainly(name), known, likeness)


def plainly(name: str) -> str:
    """Return a name as ours are written: `templateName` and `Template-Name` are `template_name`."""
    return _HUMP.sub("_", name.strip()[:_LONGEST]).lower().replace("-", "_")


@functools.lru_cache(maxsize=4096)  # a client sends the same names again and again
def _nearest(plain: str, known: tuple[str, ...], likeness: float) -> str | None:
    close = [plain] if plain in known else difflib.get_close_matches(plain, known, 1, likeness)
    return close[0] if close else None
