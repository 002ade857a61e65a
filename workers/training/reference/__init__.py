"""The reference training job, shipped so that an installed carbonq can show itself at work."""
