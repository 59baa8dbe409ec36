"""Everything in one terminal: database, API, worker, a simulated Meta and two demo tenants."""

from rasl.sandbox.running import as_running, run

__all__ = ["as_running", "run"]
