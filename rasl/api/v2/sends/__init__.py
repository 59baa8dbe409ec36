"""One file per kind of send: its body, its answer, its route."""
