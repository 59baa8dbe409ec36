"""Everything in one terminal: database, API, worker, a simulated Meta and two demo tenants."""

from rasl.sandbox.running import Sandbox, as_running, sandbox_file

__all__ = ["Sandbox", "as_running", "sandbox_file"]
