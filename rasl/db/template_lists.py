"""Where the lists of templates come from: of all, and of those that can carry one-time passwords."""

from rasl.db.listing import ListSource
from rasl.domain.listing import Kind, ListSpec

# Names of templates are in lower case and without accents, as Meta wants them: their bytes have the order of texts.
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
OTP_LIST_SOURCE = ListSource(
    spec=ListSpec(
        filters={"template_name": Kind.TEXT, "language": Kind.TEXT},
        sorts=("template_name", "created_at", "language"),
        default_sort="template_name",
        columns={"template_name": "name"},
        texts=frozenset({"language"}),
    ),
    select="t.id, t.name, t.language, t.components, t.parameter_format, t.category, t.status, t.created_at",
    tables="templates t",
    alias="t",
    where="t.tenant_id = $1 and t.category = 'AUTHENTICATION' and t.status = 'APPROVED'",
    search=("t.name", "t.body_text"),
)
