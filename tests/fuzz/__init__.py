"""Requests made of the OpenAPI document, right and wrong, by Schemathesis: `make fuzz` makes many more of them."""
