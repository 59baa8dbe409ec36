"""PostgreSQL: pool and transactions, migrations, group commit, and one module of queries per noun."""
