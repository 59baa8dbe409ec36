"""Names of the NOTIFY channels by which one process wakes the loops of another."""

JOBS = "rasl_jobs"
INGESTS = "rasl_ingests"
