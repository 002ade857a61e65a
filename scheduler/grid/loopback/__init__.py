"""A grid on this machine: an HTTP server that speaks the providers' dialects, quirks and faults, from one series."""
