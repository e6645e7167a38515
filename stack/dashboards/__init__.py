"""Grafana's dashboards as code. Their library is for developers: nothing that runs imports this."""
