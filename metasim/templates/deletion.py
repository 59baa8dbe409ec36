"""DELETE /{waba_id}/message_templates: every language of a name, or one by its id."""

from metasim.errors import invalid
from metasim.exchange import Answer, Request, json_answer
from metasim.forms import decode_body
from metasim.journal import Entry
from metasim.state import State
from metasim.store import Waba
from metasim.templates.book import Template
from metasim.templates.lifecycle import remove
from metasim.templates.news import tell
from metasim.templates.texts import wrong


async def delete(state: State, request: Request, waba: Waba, _entry: Entry) -> Answer:
    """DELETE /{waba_id}/message_templates?name=…[&hsm_id=…]."""
    given = {**decode_body(request), **request.query}
    for template in _chosen(waba, given.get("name"), given.get("hsm_id")):
        if template.status == "DISABLED":
            raise wrong("A disabled message template can't be deleted.")
        news = remove(state, waba, template)
        if news is not None:
            tell(state, news)
    return json_answer({"success": True})


def _chosen(waba: Waba, name: object, template_id: object) -> list[Template]:
    if not isinstance(name, str) or not name:
        raise invalid("The parameter name is required.")
    found = waba.templates.named(name)
    if template_id:
        found = [template for template in found if template.id == str(template_id)]
    if not found:
        raise invalid("Invalid parameter", "Message template was not found.")
    return found
