"""One file per kind of send: its body, its answer, its route."""

from rasl.api.v2.sends import (
    contacts,
    cta,
    interactive,
    location,
    media,
    reaction,
    read_receipt,
    template,
    text,
)

HANDLERS = (
    text.send_text,
    media.send_media,
    media.send_sticker,
    template.send_template,
    interactive.send_interactive,
    cta.send_cta,
    location.send_location,
    contacts.send_contacts,
    reaction.send_reaction,
    read_receipt.mark_message_read,
)
