-- Made by `saleslake bi build` from bi/metrics.yml; do not edit. Applied after the numbered files,
-- whenever it changed.
set role sales_owner;

comment on table marts.order_value_hourly is 'Orders and their average value per hour, region and channel.';
comment on column marts.order_value_hourly.hour_utc is
    'Start of the hour, UTC.';
comment on column marts.order_value_hourly.region is
    'Sales region. Join to dim_region.';
comment on column marts.order_value_hourly.channel is
    'web, mobile, store or marketplace.';
comment on column marts.order_value_hourly.orders is
    'Orders placed.';
comment on column marts.order_value_hourly.revenue_cents is
    'Order revenue with shipping and tax, cents.';
comment on column marts.order_value_hourly.average_order_value_cents is
    'Revenue / orders of this row, rounded. For more rows divide sum(revenue_cents) by sum(orders); never average it.';
comment on column marts.order_value_hourly.as_of is
    'Every order that had arrived by then is counted.';
comment on column marts.order_value_hourly.completeness is
    '1 = the hour is closed; below 1 = provisional, the share of it seen so far.';
comment on column marts.order_value_hourly.version is
    'How often the hour has been published.';
comment on column marts.order_value_hourly.is_restated is
    'The hour changed after it was closed: see marts.restatements.';

comment on table marts.region_sales_hourly is 'Sales per hour and region.';
comment on column marts.region_sales_hourly.hour_utc is
    'Start of the hour, UTC.';
comment on column marts.region_sales_hourly.region is
    'Sales region. Join to dim_region.';
comment on column marts.region_sales_hourly.orders is
    'Orders placed.';
comment on column marts.region_sales_hourly.revenue_cents is
    'Order revenue with shipping and tax, cents.';
comment on column marts.region_sales_hourly.as_of is
    'Every order that had arrived by then is counted.';
comment on column marts.region_sales_hourly.completeness is
    '1 = the hour is closed; below 1 = provisional, the share of it seen so far.';
comment on column marts.region_sales_hourly.version is
    'How often the hour has been published.';
comment on column marts.region_sales_hourly.is_restated is
    'The hour changed after it was closed: see marts.restatements.';

comment on table marts.product_sales_hourly is 'Sales per hour, product and region.';
comment on column marts.product_sales_hourly.hour_utc is
    'Start of the hour, UTC.';
comment on column marts.product_sales_hourly.product_id is
    'What was sold. Join to dim_product.';
comment on column marts.product_sales_hourly.region is
    'Sales region. Join to dim_region.';
comment on column marts.product_sales_hourly.orders is
    'Orders that contain the product. Not additive over products.';
comment on column marts.product_sales_hourly.units is
    'Units sold.';
comment on column marts.product_sales_hourly.revenue_cents is
    'Line revenue without shipping and tax, cents.';
comment on column marts.product_sales_hourly.as_of is
    'Every order that had arrived by then is counted.';
comment on column marts.product_sales_hourly.completeness is
    '1 = the hour is closed; below 1 = provisional, the share of it seen so far.';
comment on column marts.product_sales_hourly.version is
    'How often the hour has been published.';
comment on column marts.product_sales_hourly.is_restated is
    'The hour changed after it was closed: see marts.restatements.';

comment on table marts.fct_orders is 'One row per accepted order.';
comment on column marts.fct_orders.date_utc is
    'Day the order was placed, UTC. Filter on it: the table is partitioned by it.';
comment on column marts.fct_orders.hour_utc is
    'Start of the hour the order was placed in, UTC.';
comment on column marts.fct_orders.order_id is
    'The order; it occurs once.';
comment on column marts.fct_orders.ordered_at is
    'When the order was placed, UTC.';
comment on column marts.fct_orders.customer_id is
    'Who ordered (pseudonymous id).';
comment on column marts.fct_orders.region is
    'Sales region. Join to dim_region.';
comment on column marts.fct_orders.country is
    'ISO 3166-1 alpha-2 code.';
comment on column marts.fct_orders.channel is
    'web, mobile, store or marketplace.';
comment on column marts.fct_orders.payment_method is
    'card, paypal, transfer, gift_card or cash.';
comment on column marts.fct_orders.currency is
    'ISO 4217 code of every amount in the row.';
comment on column marts.fct_orders.line_count is
    'How many lines the order has.';
comment on column marts.fct_orders.units is
    'Sum of the quantities of its lines.';
comment on column marts.fct_orders.goods_cents is
    'Revenue of its lines: quantity x unit price - discount, cents.';
comment on column marts.fct_orders.shipping_cents is
    'Shipping charged, cents.';
comment on column marts.fct_orders.tax_cents is
    'Tax charged, cents.';
comment on column marts.fct_orders.total_cents is
    'Goods + shipping + tax, cents: the order revenue.';
comment on column marts.fct_orders.is_late is
    'The order reached us more than an hour after it was placed.';
comment on column marts.fct_orders.kafka_topic is
    'Provenance: topic of the record the order came in.';
comment on column marts.fct_orders.kafka_partition is
    'Provenance: partition of that record.';
comment on column marts.fct_orders.kafka_offset is
    'Provenance: offset of that record.';
comment on column marts.fct_orders.batch_id is
    'Provenance: batch of the lake writer that accepted the order.';

comment on table marts.fct_order_lines is 'One row per line of an accepted order.';
comment on column marts.fct_order_lines.date_utc is
    'Day the order was placed, UTC. Filter on it: the table is partitioned by it.';
comment on column marts.fct_order_lines.hour_utc is
    'Start of the hour the order was placed in, UTC.';
comment on column marts.fct_order_lines.order_id is
    'The order. With date_utc, join to fct_orders.';
comment on column marts.fct_order_lines.line_no is
    'Number of the line within its order.';
comment on column marts.fct_order_lines.ordered_at is
    'When the order was placed, UTC.';
comment on column marts.fct_order_lines.region is
    'Sales region of the order.';
comment on column marts.fct_order_lines.product_id is
    'What was sold. Join to dim_product.';
comment on column marts.fct_order_lines.quantity is
    'Units sold.';
comment on column marts.fct_order_lines.unit_price_cents is
    'Price of one unit before discount, cents.';
comment on column marts.fct_order_lines.discount_cents is
    'Discount on the whole line, cents.';
comment on column marts.fct_order_lines.revenue_cents is
    'quantity x unit price - discount, cents.';

comment on table marts.dim_product is 'One row per product ever sold, with the name it had on its latest published order.';
comment on column marts.dim_product.product_id is
    'The product. Join to fct_order_lines.product_id.';
comment on column marts.dim_product.product_name is
    'Name on the latest published order.';
comment on column marts.dim_product.category is
    'Category on the latest published order.';
comment on column marts.dim_product.named_at is
    'When that order was placed, UTC.';

comment on table marts.dim_region is 'One row per sales region.';
comment on column marts.dim_region.region is
    'Code of the region. Join to fct_orders.region.';
comment on column marts.dim_region.region_name is
    'Name of the region.';

comment on table marts.dim_date is 'One row per calendar day, 2020 to 2050.';
comment on column marts.dim_date.date_utc is
    'The day, UTC. Join to fct_orders.date_utc.';
comment on column marts.dim_date.year is
    'Calendar year.';
comment on column marts.dim_date.quarter is
    'Calendar quarter, 1 to 4.';
comment on column marts.dim_date.month is
    'Month, 1 to 12.';
comment on column marts.dim_date.month_name is
    'English name of the month.';
comment on column marts.dim_date.iso_year is
    'Year of the ISO 8601 week.';
comment on column marts.dim_date.iso_week is
    'ISO 8601 week, 1 to 53.';
comment on column marts.dim_date.day_of_month is
    'Day of the month, 1 to 31.';
comment on column marts.dim_date.iso_weekday is
    'Weekday, 1 = Monday to 7 = Sunday.';
comment on column marts.dim_date.weekday_name is
    'English name of the weekday.';
comment on column marts.dim_date.is_weekend is
    'Saturday or Sunday.';

comment on table marts.publications is 'History: one row per mart, hour and published version. Rows are only added.';
comment on column marts.publications.mart is
    'Name of the table in schema marts.';
comment on column marts.publications.hour_utc is
    'Start of the published hour, UTC.';
comment on column marts.publications.version is
    '1 for the first publication of the hour, then 2, 3, ...; equal for all marts of an hour.';
comment on column marts.publications.as_of is
    'Every order that had arrived by then is counted.';
comment on column marts.publications.source_versions is
    'What was read: batch_id, the last batch of the lake writer counted, and the version of each Delta table.';
comment on column marts.publications.row_count is
    'Rows of the mart in that hour.';
comment on column marts.publications.amount_cents is
    'Sum of the mart''s amount in that hour, cents.';
comment on column marts.publications.completeness is
    '1 = the hour is closed; below 1 = provisional, the share of it seen so far.';
comment on column marts.publications.content_hash is
    'Two sums over a hash of each row of the mart in that hour, without as_of, completeness and version; without a colon, a SHA-256 of before.';
comment on column marts.publications.batch_id is
    'The last batch of the lake writer counted.';
comment on column marts.publications.run_id is
    'The Airflow run that published it.';
comment on column marts.publications.published_at is
    'When it was published, UTC.';
comment on column marts.publications.publish_seconds is
    'Seconds from when its run began to read until this hour was written; empty: published before that was measured.';

comment on table marts.restatements is 'Every value of an aggregate that changed after its hour was closed.';
comment on column marts.restatements.restatement_id is
    'Running number.';
comment on column marts.restatements.mart is
    'Name of the table in schema marts.';
comment on column marts.restatements.hour_utc is
    'Start of the hour, UTC.';
comment on column marts.restatements.version is
    'The version that brought the new value.';
comment on column marts.restatements.row_key is
    'Key of the row within the hour, e.g. {"region": "EMEA", "channel": "web"}.';
comment on column marts.restatements.measure is
    'Column that changed.';
comment on column marts.restatements.old_value is
    'Value before; empty when the row was not there.';
comment on column marts.restatements.new_value is
    'Value after; empty when the row is gone.';
comment on column marts.restatements.reason is
    'Why, in words.';
comment on column marts.restatements.run_id is
    'The Airflow run that published the change.';
comment on column marts.restatements.restated_at is
    'When, UTC.';

comment on view marts.current_publications is 'The version of each mart and hour that the marts hold now.';
comment on column marts.current_publications.mart is
    'Name of the table in schema marts.';
comment on column marts.current_publications.hour_utc is
    'Start of the published hour, UTC.';
comment on column marts.current_publications.version is
    '1 for the first publication of the hour, then 2, 3, ...; equal for all marts of an hour.';
comment on column marts.current_publications.as_of is
    'Every order that had arrived by then is counted.';
comment on column marts.current_publications.source_versions is
    'What was read: batch_id, the last batch of the lake writer counted, and the version of each Delta table.';
comment on column marts.current_publications.row_count is
    'Rows of the mart in that hour.';
comment on column marts.current_publications.amount_cents is
    'Sum of the mart''s amount in that hour, cents.';
comment on column marts.current_publications.completeness is
    '1 = the hour is closed; below 1 = provisional, the share of it seen so far.';
comment on column marts.current_publications.content_hash is
    'Two sums over a hash of each row of the mart in that hour, without as_of, completeness and version; without a colon, a SHA-256 of before.';
comment on column marts.current_publications.batch_id is
    'The last batch of the lake writer counted.';
comment on column marts.current_publications.run_id is
    'The Airflow run that published it.';
comment on column marts.current_publications.published_at is
    'When it was published, UTC.';
comment on column marts.current_publications.publish_seconds is
    'Seconds from when its run began to read until this hour was written; empty: published before that was measured.';
reset role;
