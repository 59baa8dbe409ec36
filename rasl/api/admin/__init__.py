"""The operator API, `/api/admin/v1`: what whoever runs the installation does with its tenants, for programs."""
