"""How orders reach GPUs: the worker agent's socket, and the locks that make each start happen once."""
