"""What a tenant chooses for itself: one list of settings and their rules, whichever door they come in by."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from rasl.domain import countries, keywords
from rasl.domain.templates.languages import language_code
from rasl.domain.validation import MAX_ID, Body
from rasl.domain.validation.rules import Rule, where

Unset = msgspec.UnsetType
FIELDS = tuple((place, f"field_{place}") for place in range(1, 11))
# Kinds of data whose time a tenant may shorten, each with the server's setting of how long it keeps it.
RETENTION = {
    "messages": "message_days",
    "message_bodies": "message_body_days",
    "media": "media_days",
    "unused_media": "unused_media_days",
    "otps": "otp_days",
}
LEAST_MESSAGE_DAYS = 8  # Meta repeats its webhooks for a week, and a message must not come in twice
_MOST_DAYS = 36_500
_MOST_WORDS = 50

Days = Annotated[int, msgspec.Meta(ge=1, le=_MOST_DAYS)] | None | Unset
MessageDays = Annotated[int, msgspec.Meta(ge=LEAST_MESSAGE_DAYS, le=_MOST_DAYS)] | Unset | None
DefaultId = Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)] | None | Unset
FieldText = (
    Annotated[str, msgspec.Meta(max_length=1024, extra={"verbatim": True})] | None
)  # may hold merge fields
Words = list[Annotated[str, msgspec.Meta(max_length=100)]]


class FallbackTemplate(Body, frozen=True, omit_defaults=True):
    """The template that goes out where the service window is closed and a send names none of its own."""

    template_name: Annotated[str, msgspec.Meta(max_length=512)]
    language: Annotated[str, msgspec.Meta(max_length=10)]
    field_1: FieldText = None
    field_2: FieldText = None
    field_3: FieldText = None
    field_4: FieldText = None
    field_5: FieldText = None
    field_6: FieldText = None
    field_7: FieldText = None
    field_8: FieldText = None
    field_9: FieldText = None
    field_10: FieldText = None

    def fields(self) -> dict[int, str]:
        """Return the values of the variables that have one, by their places."""
        given = {place: getattr(self, name) for place, name in FIELDS}
        return {place: text for place, text in given.items() if text is not None}


class RetentionDays(Body, frozen=True):
    """Days for which data is kept, by kind; null: as long as the server keeps it."""

    # Bodies have texts of their own under `messages`.
    of_messages: MessageDays = msgspec.field(default=msgspec.UNSET, name="messages")
    message_bodies: MessageDays = msgspec.UNSET
    media: Days = msgspec.UNSET
    unused_media: Days = msgspec.UNSET
    otps: Days = msgspec.UNSET


def _country(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    given = data.get("default_country")
    if isinstance(given, str) and (problem := countries.problem_of(given)):
        yield "default_country", f"The default_country field {problem}"


def _distinct_words(name: str) -> Rule:
    """Refuse a word that is there twice once its case and the marks around it are gone."""

    def check(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        seen: set[str] = set()
        given = data.get(name)
        for place, word in enumerate(given if isinstance(given, list) else ()):
            if isinstance(word, str) and (plain := keywords.plain(word)):
                if plain in seen:
                    yield f"{name}.{place}", f"The {name}.{place} field has a duplicate value"
                seen.add(plain)

    return check


def _is_no_word(text: str) -> bool:
    return not keywords.plain(text)


class ChangeSettings(Body, frozen=True):
    """The settings to change; what is left out stays, null takes back what can be without a value."""

    default_country: (
        Annotated[
            str, msgspec.Meta(max_length=60, description="Country of phone numbers without +, such as GB.")
        ]
        | Unset
        | None
    ) = msgspec.UNSET
    default_type: (
        Annotated[
            Literal["lead", "customer", "guest"],
            msgspec.Meta(description="Type of contacts made by sending or writing in."),
        ]
        | Unset
    ) = msgspec.UNSET
    default_status_id: DefaultId = msgspec.UNSET
    default_source_id: DefaultId = msgspec.UNSET
    default_assigned_id: DefaultId = msgspec.UNSET
    window_policy: (
        Annotated[
            Literal["pass", "reject", "fallback_template"],
            msgspec.Meta(description="What becomes of free-form messages outside the service window."),
        ]
        | Unset
    ) = msgspec.UNSET
    fallback_template: FallbackTemplate | Unset | None = msgspec.UNSET
    unknown_policy: (
        Annotated[
            Literal["hold", "resend"],
            msgspec.Meta(description="What becomes of messages Meta may or may not have taken."),
        ]
        | Unset
    ) = msgspec.UNSET
    time_zone: (
        Annotated[str, msgspec.Meta(max_length=64, description="Such as Europe/Berlin; months begin by it.")]
        | Unset
    ) = msgspec.UNSET
    language: (
        Annotated[
            str,
            msgspec.Meta(
                max_length=10,
                pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z]{2,4})?$",
                description="Such as en or en_GB; stored for what will be written to people of the account.",
            ),
        ]
        | Unset
    ) = msgspec.UNSET
    stop_words: (
        Annotated[
            Words,
            msgspec.Meta(
                min_length=1,
                max_length=_MOST_WORDS,
                description="Words that opt a contact out; null: the usual.",
            ),
        ]
        | Unset
        | None
    ) = msgspec.UNSET
    start_words: (
        Annotated[
            Words,
            msgspec.Meta(
                max_length=_MOST_WORDS, description="Words that opt a contact in again; null: the usual."
            ),
        ]
        | Unset
        | None
    ) = msgspec.UNSET
    retention_days: RetentionDays | Unset | None = msgspec.UNSET
    webhook_format: (
        Annotated[
            Literal["n8n", "default"],
            msgspec.Meta(description="Format of outbound webhooks; stored until there are any."),
        ]
        | Unset
    ) = msgspec.UNSET
    otp_return_generated_code: (
        Annotated[bool, msgspec.Meta(description="Whether answers show one-time codes made here.")] | Unset
    ) = msgspec.UNSET

    rules: ClassVar[tuple[Rule, ...]] = (
        _country,
        where("stop_words.*", _is_no_word, "must hold a letter or a digit"),
        where("start_words.*", _is_no_word, "must hold a letter or a digit"),
        _distinct_words("stop_words"),
        _distinct_words("start_words"),
    )


NAMES = ChangeSettings.__struct_fields__


def written(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as they are stored: countries, languages and words as they are compared."""
    values = dict(given)
    if values.get("default_country"):
        values["default_country"] = values["default_country"].upper()
    if "language" in values:
        values["language"] = language_code(values["language"])
    for name in ("stop_words", "start_words"):
        if values.get(name) is not None:
            values[name] = [keywords.plain(word) for word in values[name]]
    if (fallback := values.get("fallback_template")) is not None:
        values["fallback_template"] = {
            **{name: value for name, value in fallback.items() if value is not None},
            "language": language_code(fallback["language"]),
        }
    return values


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as a client sees them: the words in force, and each kind of data with its days or null."""
    values = {name: row[name] for name in NAMES}
    words = keywords.Words.of(row["stop_words"], row["start_words"])
    days = row["retention_days"]
    return values | {
        "stop_words": sorted(words.stop),
        "start_words": sorted(words.start),
        "retention_days": {kind: days.get(kind) for kind in RETENTION},
    }


def retention_problems(given: Mapping[str, Any], kept: Mapping[str, int]) -> dict[str, list[str]]:
    """Return which kinds are to be kept for longer than the server keeps them; its 0 is for ever."""
    return {
        f"retention_days.{kind}": [
            f"The retention_days.{kind} field must not be greater than {kept[kind]}: this server keeps them no longer"
        ]
        for kind, days in given.items()
        if days is not None and 0 < kept.get(kind, 0) < days
    }
