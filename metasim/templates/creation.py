"""POST /{waba_id}/message_templates and its sibling for authentication templates in many languages."""

import re
from typing import Any

from metasim.errors import GraphError, invalid, refusal, template_refusal
from metasim.exchange import Answer, Request, json_answer
from metasim.forms import decode_body
from metasim.journal import Entry
from metasim.state import State
from metasim.store import Waba
from metasim.templates.book import Json, Template
from metasim.templates.components import Draft, written_components
from metasim.templates.languages import LANGUAGES
from metasim.templates.lifecycle import submit, suffix_of
from metasim.templates.texts import wrong

CATEGORIES = ("AUTHENTICATION", "MARKETING", "UTILITY")
_NAME = re.compile(r"[a-z0-9_]{1,512}")
_HOUR = 3600.0
_TTL = {"AUTHENTICATION": (30, 900), "UTILITY": (30, 43_200), "MARKETING": (43_200, 2_592_000)}
_EXTRAS = (
    "message_send_ttl_seconds",
    "sub_category",
    "cta_url_link_tracking_opted_out",
    "degrees_of_freedom_spec",
    "library_template_name",
)


async def create(state: State, request: Request, waba: Waba, _entry: Entry) -> Answer:
    """POST /{waba_id}/message_templates."""
    template = _create(state, waba, decode_body(request))
    return json_answer({"id": template.id, "status": template.status, "category": template.category})


async def upsert(state: State, request: Request, waba: Waba, _entry: Entry) -> Answer:
    """POST /{waba_id}/upsert_message_templates: an authentication template in many languages."""
    body = decode_body(request)
    languages = body.pop("languages", None)
    if isinstance(languages, str):
        languages = languages.split(",")
    if not isinstance(languages, list) or not languages:
        raise invalid("The parameter languages is required.")
    if str(body.get("category", "")).upper() != "AUTHENTICATION":
        raise wrong("Only authentication templates can be created in many languages at once.")
    made = []
    for language in languages:
        known = waba.templates.find(str(body.get("name")), str(language))
        if known is None:
            template = _create(state, waba, {**body, "language": language})
        else:
            template = known
            template.components = check_components(
                state, "AUTHENTICATION", "POSITIONAL", body.get("components")
            )
            submit(state, waba, template)
        made.append(
            {
                "id": template.id,
                "status": template.status,
                "language": template.language,
                "category": template.category,
            }
        )
    return json_answer({"data": made})


def _create(state: State, waba: Waba, body: Json) -> Template:
    name, language, category = _name(body), _language(body), category_of(body)
    _check_limits(state, waba)
    _check_free(state, waba, name, language)
    parameter_format = format_of(body)
    components = check_components(state, category, parameter_format, body.get("components"))
    check_ttl(body, category)
    if suffix_of(state, name) == "_marketing":
        category = "MARKETING"
    template = Template(
        state.mint.digits(), name, language, category, "PENDING", components, parameter_format
    )
    template.extras = {key: body[key] for key in _EXTRAS if body.get(key) is not None}
    waba.templates.add(template)
    waba.templates.creations.append(state.clock.now())
    submit(state, waba, template)
    return template


def check_components(state: State, category: str, parameter_format: str, components: Any) -> list[Json]:
    """The components as they are read back, or Meta's refusal."""
    if components is None:
        raise invalid("The parameter components is required.")
    draft = Draft(category, parameter_format, state.config, state.registry.handles)
    return written_components(components, draft)


def _name(body: Json) -> str:
    name = body.get("name")
    if name is None or name == "":
        raise invalid("The parameter name is required.")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise template_refusal(
            "Invalid template name",
            "The message template name can only have lowercase letters, digits and underscores,"
            " and at most 512 of them.",
        )
    return name


def _language(body: Json) -> str:
    language = body.get("language")
    if language is None or language == "":
        raise invalid("The parameter language is required.")
    if language not in LANGUAGES:
        raise invalid(f'Param language must be one of the supported languages - got "{language}".')
    return str(language)


def category_of(body: Json) -> str:
    """The category asked for."""
    given = body.get("category")
    if given is None or given == "":
        raise invalid("The parameter category is required.")
    category = str(given).upper()
    if category not in CATEGORIES:
        raise invalid(f'Param category must be one of {{{", ".join(CATEGORIES)}}} - got "{given}".')
    return category


def format_of(body: Json) -> str:
    """How variables are written."""
    given = body.get("parameter_format") or "POSITIONAL"
    name = str(given).upper()
    if name not in {"POSITIONAL", "NAMED"}:
        raise invalid(f'Param parameter_format must be one of {{NAMED, POSITIONAL}} - got "{given}".')
    return name


def check_ttl(body: Json, category: str) -> None:
    """How long an undelivered message is kept, within what the category allows."""
    ttl = body.get("message_send_ttl_seconds")
    if ttl is None or (ttl == -1 and category != "MARKETING"):
        return
    least, most = _TTL[category]
    if isinstance(ttl, bool) or not isinstance(ttl, int) or not least <= ttl <= most:
        raise invalid(f"Param message_send_ttl_seconds must be between {least} and {most}.")


def _check_limits(state: State, waba: Waba) -> None:
    book, config = waba.templates, state.config
    if len(book) >= config.template_limit:
        raise template_refusal(
            "Message template limit exceeded",
            f"This WhatsApp Business account has reached its limit of {config.template_limit} templates.",
            2388019,
        )
    if config.template_creates_per_hour is None:
        return
    since = state.clock.now() - _HOUR
    book.creations = [at for at in book.creations if at > since]
    if len(book.creations) >= config.template_creates_per_hour:
        raise refusal(80007)


def _check_free(state: State, waba: Waba, name: str, language: str) -> None:
    shown = LANGUAGES[language]
    if waba.templates.find(name, language) is not None:
        raise template_refusal(
            "Content in This Language Already Exists",
            f"There is already {shown} content for this template. You can create a new template and try again.",
            2388024,
        )
    if waba.templates.is_blocked(name, language, state.clock.now()):
        raise _being_deleted(shown)


def _being_deleted(shown: str) -> GraphError:
    return template_refusal(
        "Message template language is being deleted",
        f"New {shown} content can't be added while the existing {shown} content is being deleted."
        " Try again in 4 weeks or create a new message template.",
        2388023,
    )
