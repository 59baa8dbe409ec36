"""What commands begin with: a database that answers, the secret key, a port, and how they are told to end."""
