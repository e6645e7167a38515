"""Tableau extracts of the marts, by the real Hyper engine."""
