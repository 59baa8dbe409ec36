"""What a tenant has of its own to be a tenant: tokens and WhatsApp numbers, changed and kept in the audit."""
