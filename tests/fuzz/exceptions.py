"""Where an answer is right although a check of Schemathesis objects: each with its reason.

Only two checks have exceptions: that what fits the document is accepted, and that what does not is refused. A document
cannot say what is stored, and the contract reads more than it documents.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

# Refusals that depend on what is stored or on who asks: codes, and texts of problems.
_CODES = {
    "IDEMPOTENCY_KEY_REUSED": "the key came with another request before",
    "WHATSAPP_NOT_CONFIGURED": "the account has no number by now",
    "CONTACT_OPTED_OUT": "the contact wants no messages",
    "SERVICE_WINDOW_CLOSED": "the contact was silent for a day",
}
_ABSENT = "it names what is not there"
_WORDS = "the document tells this rule in words"
_PROBLEMS = {
    r"not exist|[Tt]here is no such|[Nn]ot found|has no (WhatsApp number|template|source|status)": _ABSENT,
    r"is not a cursor of this list|has no (phone )?column|is not a field of|Meta shows this token": _ABSENT,
    r"already exists|is already|has a duplicate value|cannot be one of the": "it is there already",
    r"Meta refuses the access token": "the simulator knows the token",
    r"cannot be read as a phone number that exists|country code|must have \d+ to \d+ digits": (
        "whether a number can be one is known to the library of phone numbers alone"
    ),
    r"in the future|than the end of your token|your token does not have": "it depends on the moment and on who asks",
    r"this server keeps them no longer": "it depends on the settings of the server",
    r"that is \w+ cannot be edited|Only a received message": "it depends on how the thing stands",
    r"cannot be sent as|The media must be one of": "what a file is shows only in the file",
    # Rules between fields.
    r"needs no fallback|is required( when| to match|, or|;| with)|given too|Give (only one|either)": _WORDS,
    r"given beside|is only for": _WORDS,
    r"Phone number is required|A card needs buttons|asks for another|not allowed for media|cannot quote": _WORDS,
    r"nothing to change|days after from|not be before from|group_by parameter must be of": _WORDS,
    # Kinds of text that a pattern would say at a length, and worse.
    r"IPv6 network|country of two letters|http or https (address|URL)|ids of groups, separated|auto, comma": _WORDS,
    r"must name an event|one event, not a pattern|past moment with an offset": _WORDS,
    # Meta's rules of templates, which are those of `POST /templates/lint`.
    r"needs a BODY|must be one of (BODY|AUTHENTICATION)|Meta's own|OTP button": _WORDS,
    r"for \w+ templates|variables|example of each": _WORDS,
    r"must be 1 to 512 of|list of at least one component": _WORDS,
}
# Of a contact that is known PUT leaves what is not given; a new one needs it.
_OF_NEW = {r"^(First name|Last name|Status|Source) is required|^Type must be": _WORDS}
# What answers 200 and tells in the answer what is wrong.
_TELLING = frozenset({"lintTemplate"})


def reason_for(document: Mapping[str, Any], failure: Any, case: Any, response: Any) -> str | None:
    """Return why an answer is right in spite of a check, None when it is not."""
    kind = type(failure).__name__
    if kind == "ServerError":
        told = response.json()["error"]
        return (
            "Meta refused it, for which the contract has this status"
            if "meta_code" in told["details"]
            else None
        )
    if kind == "RejectedPositiveData":
        if case.media_type == "multipart/form-data" and _holds_null(case.body):
            return "no form can say null"
        return _of_refusal(case, response)
    if kind == "AcceptedNegativeData":
        return _of_acceptance(document, case)
    return None


def _of_refusal(case: Any, response: Any) -> str | None:
    error = response.json()["error"]
    if "error_code" in error["details"]:
        return "the code is not the one that was sent"
    if error["code"] in _CODES:
        return _CODES[error["code"]]
    if error["code"] != "VALIDATION_ERROR":
        return None
    known = _PROBLEMS | (_OF_NEW if case.operation.definition.raw["operationId"] == "putContact" else {})
    reasons = {
        _of_problem(known, str(text))
        for texts in error["details"].values()
        if isinstance(texts, list)
        for text in texts
    }
    return None if None in reasons or not reasons else " and ".join(sorted(filter(None, reasons)))


def _of_problem(known: Mapping[str, str], text: str) -> str | None:
    return next((reason for pattern, reason in known.items() if re.search(pattern, text)), None)


def _of_acceptance(document: Mapping[str, Any], case: Any) -> str | None:
    """Numbers where texts are asked for and the like are coerced where nothing is lost (api-v2, 18.3)."""
    if case.operation.definition.raw["operationId"] in _TELLING:
        return "it tells what is wrong in its answer"
    if any(isinstance(value, str) and not value.strip() for value in (case.query or {}).values()):
        return "a parameter without a value is as if it were not given"
    content = case.operation.definition.raw.get("requestBody", {}).get("content", {})
    if case.media_type not in content:
        return None
    schema = {**content[case.media_type]["schema"], "components": document["components"]}
    errors = list(Draft202012Validator(schema).iter_errors(case.body))
    if errors and _are_scalars(errors):
        return "a number, text or flag is read as what is asked for, and a blank as nothing"
    return None


def _are_scalars(errors: Iterable[Any]) -> bool:
    return all(
        (error.validator == "type" and isinstance(error.instance, str | int | float))
        or (isinstance(error.instance, str) and not error.instance.strip())
        or (error.validator in {"anyOf", "oneOf"} and _any_branch(error.context))
        for error in errors
    )


def _any_branch(context: Iterable[Any]) -> bool:
    branches: dict[int, list[Any]] = {}
    for error in context:
        branches.setdefault(error.schema_path[0], []).append(error)
    return any(_are_scalars(errors) for errors in branches.values())


def _holds_null(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_holds_null, value.values() if isinstance(value, dict) else value))
    return value is None
