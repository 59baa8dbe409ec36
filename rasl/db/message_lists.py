"""Where the list of messages comes from."""

from rasl.db.listing import ListSource
from rasl.domain.listing import Kind, ListSpec

LIST_SOURCE = ListSource(
    spec=ListSpec(
        filters={
            "type": Kind.TEXT,
            "status": Kind.TEXT,
            "interaction_id": Kind.INTEGER,
            "direction": Kind.TEXT,
            "created_at": Kind.MOMENT,
            "updated_at": Kind.MOMENT,
        },
        sorts=("created_at", "updated_at"),
        default_sort="-created_at",
        columns={"interaction_id": "conversation_id"},
    ),
    select="""m.id, m.conversation_id, m.direction, m.peer, m.type, m.text, m.status, m.wamid, m.sent_at, m.created_at,
        m.updated_at, n.display_phone_number""",
    tables="""messages m join conversations v on v.tenant_id = m.tenant_id and v.id = m.conversation_id
        join whatsapp_numbers n on n.tenant_id = v.tenant_id and n.id = v.number_id""",
    alias="m",
    where="m.tenant_id = $1",
    search=("m.text",),
)
