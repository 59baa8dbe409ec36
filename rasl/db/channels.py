"""Names of the NOTIFY channels by which one process wakes the loops of another, or tells what it changed."""

JOBS = "rasl_jobs"
INGESTS = "rasl_ingests"
TEMPLATES = "rasl_templates"  # with the id of the tenant; told by triggers on the table
TENANTS = "rasl_tenants"  # with the id of the tenant whose settings changed; told by a trigger on the table
WEBHOOKS = "rasl_webhooks"  # events wait for endpoints (told by a trigger), or deliveries to be made
