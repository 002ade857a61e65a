"""The mind of carbonq: queue, plan, account, remember."""
