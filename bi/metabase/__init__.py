"""
Metabase, provisioned through its REST API: connection, table and column texts, questions and a dashboard.

Written after the API's sources and documentation for Metabase 50 to 66 and tested against a server of the
tests that checks requests as those say. No Metabase was run for it.
"""
