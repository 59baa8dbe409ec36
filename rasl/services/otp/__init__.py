"""One-time passwords: sent, verified, guarded."""
