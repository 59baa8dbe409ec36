"""Phone numbers as people write them, understood strictly, and the key under which variants coincide."""

import dataclasses
import functools
import re

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, ValidationResult

from rasl.domain.phone_spelling import WHAT_IT_MAY_HAVE, is_typed, parted_by_blanks, typed

_ALLOWED = re.compile(r"[0-9+\-() ]*")
_SEPARATORS = str.maketrans("", "", "-() ")
_NUMBER = re.compile(r"\+?[0-9]+")
_INTERNATIONAL = re.compile(r"[1-9][0-9]{6,14}")
_BSUID = re.compile(r"[A-Z]{2}\.[0-9A-Za-z._-]{1,160}")
_LONGEST_TEXT = 40
# Bare digits of this length and more are taken for a full number even when its plan does not list them as
# assigned (fictional numbers such as 1 555 010 1234); shorter ones are more often a national number.
_FULL_LENGTH = 11
_CAN_BE_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_MEXICO_OLD_MOBILE = re.compile(r"521[0-9]{10}")
# Area code without zeros, then eight digits as mobiles (6-9) had them before the ninth was put in front.
_BRAZIL_OLD_MOBILE = re.compile(r"(55[1-9]{2})([6-9][0-9]{7})")
_ARGENTINA = re.compile(r"549?([0-9]{10,12})")


@dataclasses.dataclass(frozen=True, slots=True)
class Phone:
    """A number as understood: `digits` is E.164 without the plus."""

    digits: str
    match_key: str

    @property
    def country(self) -> str | None:
        """Return the country (ISO 3166) the number is of, None when it is of none."""
        number = _parse(f"+{self.digits}")
        # Not assigned to anyone in particular: the main country of the calling code is the best there is.
        country = number and (
            phonenumbers.region_code_for_number(number)
            or phonenumbers.region_code_for_country_code(number.country_code or 0)
        )
        return country if country and is_country(country) else None


@dataclasses.dataclass(frozen=True, slots=True)
class PhoneProblem:
    """Why a text is not a phone number, in one sentence that says what to do."""

    sentence: str


@dataclasses.dataclass(frozen=True, slots=True)
class _Plan:
    """What a calling code allows: lengths of the rest, and what may stand before it at home."""

    lengths: frozenset[int]
    prefix: re.Pattern[str] | None


_WHAT_TO_DO = "Write it with + and its country code, for example +44 20 7946 0011."
_EMPTY = PhoneProblem(f"The phone number is empty. {_WHAT_TO_DO}")
_CHARACTERS = PhoneProblem(f"A phone number may only contain {WHAT_IT_MAY_HAVE}.")
_PARTS = PhoneProblem(f"The . or / leaves open which number is meant. {_WHAT_TO_DO}")
_PLUS = PhoneProblem("A phone number may only contain one +, in front of its country code.")
_LENGTH = PhoneProblem("A phone number with its country code has 7 to 15 digits.")
_COUNTRY_CODE = PhoneProblem("The phone number does not begin with a country code that exists.")
_TOO_SHORT = PhoneProblem("The phone number has too few digits for its country code.")
_TOO_LONG = PhoneProblem("The phone number has too many digits for its country code.")
_NO_COUNTRY = PhoneProblem(f"The phone number has no country code. {_WHAT_TO_DO}")
_UNCLEAR = PhoneProblem(f"This cannot be read as a phone number that exists. {_WHAT_TO_DO}")


def understand(text: str, default_country: str | None = None) -> Phone | PhoneProblem:
    """Return the number that the text means, or what is wrong with it; never a guess that reaches a stranger.

    Signs that nobody sees, those of other scripts and `tel:` are read as `phone_spelling` says.

    With `+` or `00` the number is international, whatever the default country is, and a possible length is
    enough, so that fictional and newly opened ranges pass.

    Without them there can be two readings. *Abroad*: the digits already start with a country code, as API
    clients send them (442079460011): a valid number, or any possible one of 11 digits and more. *At home*:
    the digits are what one dials inside the default country (020 7946 0011): only a valid number counts.

    * A leading 0 is never a country code: only the reading at home is tried.
    * If only one reading is a valid number, it is the one.
    * If both are valid, the one that can be a mobile wins, because WhatsApp numbers are mobiles. (Two real
      mobiles rarely collide, but five of six foreign mobiles also pass for a German landline without its 0.)
    * If both or neither can be a mobile, home wins: setting a default country says that bare numbers are from
      there, and a number from there must not be delivered to a stranger abroad.
    * With no default country there is no reading at home, and what cannot be read abroad is refused.
    """
    if len(text) > _LONGEST_TEXT:
        text = typed(text)
        if len(text) > _LONGEST_TEXT:
            return _LENGTH if is_typed(text) else _CHARACTERS
    return _understand(text, default_country)


def kept(text: str, understood: Phone) -> str:
    """Return what is stored of a number: as it was given, in plain signs; the number itself if dots or / part it."""
    text = typed(text)
    return text if _ALLOWED.fullmatch(text) else f"+{understood.digits}"


def is_country(code: str) -> bool:
    """Tell whether this is a country (ISO 3166, two capital letters) that can be a default country."""
    return code in phonenumbers.SUPPORTED_REGIONS


def is_bsuid(text: str) -> bool:
    """Tell whether a text is a business-scoped user id (`US.1349…`, `US.ENT.…`), which some people have for a phone."""
    return _BSUID.fullmatch(text) is not None


def calling_code(digits: str) -> str:
    """Return the country calling code that a number begins with; its first digit where there is none."""
    known = (
        digits[:size] for size in (1, 2, 3) if int(digits[:size]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    )
    return next(known, digits[:1])


@functools.lru_cache(maxsize=16384)
def country_of(digits: str) -> str | None:
    """Return the country (ISO 3166) of a number, given as digits with their calling code; None when it is of none.

    Only calling codes that several countries share, such as 1, need a look at the number itself.
    """
    if not digits.isdecimal():
        return None
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(calling_code(digits)), ())
    country = regions[0] if len(regions) == 1 else Phone(digits, digits).country
    return country if country and is_country(country) else None


def match_key(digits: str) -> str:
    """Return one digits string for all the ways to write a line that Meta itself rewrites; else the digits.

    Brazil: mobiles get the 9 that was put in front of them, landlines stay. Mexico: 52 1 becomes 52.
    Argentina: 54 9 and the infix 15 go. It is a key to compare, not a number to send to.
    """
    if digits.startswith("55") and (brazil := _BRAZIL_OLD_MOBILE.fullmatch(digits)):
        return f"{brazil[1]}9{brazil[2]}"
    if digits.startswith("521") and _MEXICO_OLD_MOBILE.fullmatch(digits):
        return f"52{digits[3:]}"
    if digits.startswith("54") and (argentina := _ARGENTINA.fullmatch(digits)):
        national = _argentine_national(digits, argentina[1])
        return f"54{national}"
    return digits


def spellings(key: str) -> tuple[str, ...]:
    """Return the ways in which Meta may write the line of a match key, the key among them."""
    if brazil := re.fullmatch(r"(55[1-9]{2})9([6-9][0-9]{7})", key):
        return key, f"{brazil[1]}{brazil[2]}"
    if re.fullmatch(r"52[0-9]{10}", key):
        return key, f"521{key[2:]}"
    if re.fullmatch(r"54[0-9]{10}", key):
        return key, f"549{key[2:]}"
    return (key,)


def _argentine_national(digits: str, rest: str) -> str:
    if len(rest) == 10:
        return rest
    if len(rest) == 12:
        # Where the 15 sits depends on the length of the area code, which the metadata knows.
        number = _parse(f"+54{rest}")
        national = str(number.national_number) if number else ""
        if len(national) == 11 and national.startswith("9"):
            return national[1:]
    return digits[2:]


@functools.lru_cache(maxsize=16384)
def _understand(text: str, default_country: str | None) -> Phone | PhoneProblem:
    if not _ALLOWED.fullmatch(text):
        return _understand_odd(typed(text), default_country)
    number = text.translate(_SEPARATORS)
    if not number:
        return _EMPTY
    if not _NUMBER.fullmatch(number):
        return _PLUS
    if number.startswith("+"):
        return _international(number[1:])
    if number.startswith("00"):
        return _international(number[2:])
    return _bare(number, default_country if default_country and is_country(default_country) else None)


def _understand_odd(text: str, default_country: str | None) -> Phone | PhoneProblem:
    if not is_typed(text):
        return _CHARACTERS
    parted = parted_by_blanks(text)
    return _PARTS if parted is None else _understand(parted, default_country)


def _international(digits: str) -> Phone | PhoneProblem:
    if not _INTERNATIONAL.fullmatch(digits):
        return _COUNTRY_CODE if digits.startswith("0") else _LENGTH
    if _MEXICO_OLD_MOBILE.fullmatch(digits) or _is_plainly_possible(digits):
        return _phone_of(digits)
    if digits.startswith("549") and len(digits) == 15:
        digits = digits[:2] + digits[3:]
    number = _parse(f"+{digits}")
    if number is None:
        return _COUNTRY_CODE
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason == ValidationResult.TOO_LONG:
        return _TOO_LONG
    if reason != ValidationResult.IS_POSSIBLE:
        return _TOO_SHORT
    return _phone(number)


def _is_plainly_possible(digits: str) -> bool:
    """Tell cheaply that parsing would give these very digits back with a possible length; False says nothing.

    Nearly every number an API client sends is of this kind, and parsing costs ten times as much.
    """
    for size in (1, 2, 3):
        plan = _plan(digits[:size])
        if plan is not None:
            national = digits[size:]
            return (
                len(national) in plan.lengths
                and national[0] != "0"
                and (plan.prefix is None or plan.prefix.match(national) is None)
            )
    return False


@functools.cache
def _plan(calling_code: str) -> _Plan | None:
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(calling_code))
    if regions is None:
        return None
    metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(calling_code), regions[0])
    if metadata is None or metadata.general_desc is None:
        return None
    prefix = metadata.national_prefix_for_parsing
    return _Plan(frozenset(metadata.general_desc.possible_length), re.compile(prefix) if prefix else None)


def _bare(digits: str, default_country: str | None) -> Phone | PhoneProblem:
    home = _valid(digits, default_country) if default_country else None
    if digits.startswith("0"):
        if home is None:
            return _UNCLEAR if default_country else _NO_COUNTRY
        return _phone(home)
    if home is None and len(digits) >= _FULL_LENGTH:
        full = _international(digits)
        return full if isinstance(full, Phone) else _UNCLEAR
    abroad = _valid(f"+{digits}")
    if home is None:
        return _phone(abroad) if abroad else _UNCLEAR
    if abroad is None or home == abroad or _can_be_mobile(home):
        return _phone(home)
    return _phone(abroad if _can_be_mobile(abroad) else home)


def _parse(text: str, region: str | None = None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def _valid(text: str, region: str | None = None) -> PhoneNumber | None:
    number = _parse(text, region)
    return number if number is not None and phonenumbers.is_valid_number(number) else None


def _can_be_mobile(number: PhoneNumber) -> bool:
    return phonenumbers.number_type(number) in _CAN_BE_MOBILE


def _phone(number: PhoneNumber) -> Phone | PhoneProblem:
    digits = f"{number.country_code}{phonenumbers.national_significant_number(number)}"
    if not _INTERNATIONAL.fullmatch(digits):
        return _LENGTH
    if _parse(f"+{digits}") != number:
        # One leading 0 was taken away and another appeared: the digits would mean a third number next time.
        return _UNCLEAR
    return _phone_of(digits)


def _phone_of(digits: str) -> Phone:
    return Phone(digits=digits, match_key=match_key(digits))


def digits_of(display_phone_number: str | None) -> str | None:
    """Return a number of ours as senders are written: digits only."""
    if not display_phone_number:
        return None
    return "".join(character for character in display_phone_number if character.isdigit())
