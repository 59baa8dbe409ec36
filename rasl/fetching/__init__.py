"""Loading files from addresses that callers give: only from the public internet, within limits."""
