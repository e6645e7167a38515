"""What BI tools read: one metric contract, and the files for Tableau, Power BI and Metabase made from it."""
