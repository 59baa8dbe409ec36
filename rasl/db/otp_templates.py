"""Where the list of templates for one-time passwords comes from."""

from rasl.db.listing import ListSource

SOURCE = ListSource(
    select="t.id, t.name, t.language, t.components, t.parameter_format, t.category, t.status, t.created_at",
    tables="templates t",
    where="t.tenant_id = $1 and t.category = 'AUTHENTICATION' and t.status = 'APPROVED'",
    columns={
        "id": "t.id",
        "template_name": "t.name",
        "language": "t.language",
        "created_at": "t.created_at",
    },
    search=("t.name", "t.body_text"),
    tie_breaker="t.id",
)
