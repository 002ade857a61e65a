"""HTTP over a Unix socket: routes, request models, who calls, and how errors are said."""
