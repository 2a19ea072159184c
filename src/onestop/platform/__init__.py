"""The servers around the warehouse: the local Airflow, what its DAGs share, and the demonstration."""
