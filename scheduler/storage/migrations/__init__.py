"""The steps from one schema to the next; each in versions/, applied in one transaction when the store is opened."""
