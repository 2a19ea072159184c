"""PostgreSQL: the embedded server, connections and their errors, the numbered migrations, roles and rights."""
