"""Use-cases: functions named by verbs, calling queries and adapters, deciding by the domain's rules."""
