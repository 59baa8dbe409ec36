"""The worker: claim, run, record; with a heartbeat, a schedule and a graceful stop."""
