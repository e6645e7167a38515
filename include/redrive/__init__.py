"""
Sends quarantined records through Kafka again, each once.

A copy carries the header `saleslake-redrive` with the position it was made from. `ops.redriven` has a row
per record that was sent again, written before the send: with the header it decides what a killed run did.
"""
