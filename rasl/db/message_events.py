"""What becomes of messages, told by the statements that write them: each thing once."""

from rasl.db.events import ORIGINALS, moment, telling, wanting, wants

TOLD = ("received", "sent", "delivered", "read", "played", "failed", "unknown")
_NUMBER = """cross join lateral (
            select n.phone_number_id, n.display_phone_number from whatsapp_numbers n
            where n.tenant_id = %s.tenant_id and n.id = v.number_id limit 1
        ) n"""
_TYPE = "'message.' || m.status"
_STATUSES = ", ".join(f"'{status}'" for status in TOLD)
_FIELDS = {
    "id": "m.id",
    "interaction_id": "m.conversation_id",
    "sender_id": r"""case m.direction when 'inbound' then m.peer
        else nullif(regexp_replace(n.display_phone_number, '\D', '', 'g'), '') end""",
    "phone": "m.peer",
    "type": "m.type",
    "message": "m.text",
    "status": "m.status",
    "message_id": "m.wamid",
    "sent_at": moment("coalesce(m.sent_at, m.created_at)"),
    "is_read": "m.status in ('read', 'played')",
    "direction": "m.direction",
    "created_at": moment("m.created_at"),
    "updated_at": moment("m.updated_at"),
    "status_message": "m.status_message",
    "ref_message_id": "m.reply_to",
    "error_code": "m.error_code",
    "is_ambiguous": "m.is_ambiguous",
    "contact_id": "v.contact_id",
    "delivered_at": moment("m.delivered_at"),
    "read_at": moment("m.read_at"),
    "failed_at": moment("m.failed_at"),
    "request_id": "m.request_id",
}


def told(source: str, original: str = "null") -> str:
    """Return the statement that tells how the messages `m` of a source stand, which have just come to that.

    `original` is what Meta posted of them.
    """
    fields = ", ".join(f"'{name}', {value}" for name, value in _FIELDS.items())
    payload = f"""jsonb_build_object('id', m.id, 'attributes', jsonb_build_object({fields}),
        'request_id', m.request_id) || {with_original(original)}"""
    return telling(
        f"""{source} {wanting(wants(_TYPE, noun="message"), "m.tenant_id")}
        cross join lateral (
            select v.contact_id, v.number_id from conversations v
            where v.tenant_id = m.tenant_id and v.id = m.conversation_id limit 1
        ) v {_NUMBER % "m"}
        where m.status in ({_STATUSES})""",
        _TYPE,
        payload,
        "m.tenant_id",
        "v.contact_id",
        "m.id",
        once="m.id::text",
    )


def with_original(original: str) -> str:
    """Return what an event holds besides, for a tenant `t` that wants what Meta posted."""
    return f"""case when '{ORIGINALS}' = any(t.webhook_events) and {original} is not null
        then jsonb_build_object('original', {original}::text) else '{{}}' end"""


def opened(source: str) -> str:
    """Return the statement that tells of conversations `v` of a source whose service window was closed and is open.

    It is part of the statement that opens it, so that the table still shows what was.
    """
    type_ = "'conversation.opened'"
    payload = f"""jsonb_build_object('id', v.id, 'attributes', jsonb_build_object(
        'interaction_id', v.id, 'contact_id', v.contact_id, 'phone_number_id', n.phone_number_id,
        'window_expires_at', {moment("v.window_expires_at")}))"""
    return telling(
        f"""{source} v {wanting(wants(type_), "v.tenant_id")}
        cross join lateral (
            select o.window_expires_at from conversations o where o.tenant_id = v.tenant_id and o.id = v.id limit 1
        ) o {_NUMBER % "v"}
        where v.window_expires_at > now() and coalesce(o.window_expires_at, '-infinity') <= now()""",
        type_,
        payload,
        "v.tenant_id",
        "v.contact_id",
    )
