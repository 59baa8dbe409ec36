"""The public HTTP API: thin routes over services, one envelope for every answer."""
