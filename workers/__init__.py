"""The hands of carbonq: run a training process and measure it."""
