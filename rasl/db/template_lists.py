"""Where the list of templates comes from."""

from rasl.db.listing import ListSource
from rasl.domain.listing import Kind, ListSpec

LIST_SOURCE = ListSource(
    spec=ListSpec(
        filters={
            "status": Kind.TEXT,
            "category": Kind.TEXT,
            "language": Kind.TEXT,
            "template_name": Kind.TEXT,
            "created_at": Kind.MOMENT,
            "updated_at": Kind.MOMENT,
        },
        sorts=("template_name", "created_at", "updated_at"),
        default_sort="template_name",
        columns={"template_name": "name"},
    ),
    select="t.*",
    tables="templates t",
    alias="t",
    where="t.tenant_id = $1",
    search=("t.name", "t.category"),
)
