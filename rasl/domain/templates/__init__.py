"""Message templates as Meta defines them: reading, binding to values, checking before submission, showing."""
