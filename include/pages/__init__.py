"""The pages that the Airflow plugin shows: what they read, and the app that serves them."""
