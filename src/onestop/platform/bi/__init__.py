"""Apache Superset over the warehouse: its own environment, its dashboards as code, one connection per login."""
