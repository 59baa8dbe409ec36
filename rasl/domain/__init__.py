"""Pure rules over values: no I/O, no clock of their own, tested as tables."""
