"""One file a schema: `schema_NNNN.py`. A released file is never changed."""
