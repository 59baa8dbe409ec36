"""Where the list of templates for one-time passwords comes from."""

from rasl.db.listing import ListSource
from rasl.domain.listing import Kind, ListSpec

SOURCE = ListSource(
    spec=ListSpec(
        filters={"template_name": Kind.TEXT, "language": Kind.TEXT},
        sorts=("template_name", "created_at", "language"),
        default_sort="template_name",
        columns={"template_name": "name"},
    ),
    select="t.id, t.name, t.language, t.components, t.parameter_format, t.category, t.status, t.created_at",
    tables="templates t",
    alias="t",
    where="t.tenant_id = $1 and t.category = 'AUTHENTICATION' and t.status = 'APPROVED'",
    search=("t.name", "t.body_text"),
)
