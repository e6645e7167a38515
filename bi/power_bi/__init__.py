"""A Power BI project, made from the metric contract."""
