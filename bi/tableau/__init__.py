"""Tableau data sources and a workbook, made from the metric contract."""
