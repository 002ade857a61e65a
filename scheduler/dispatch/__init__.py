"""The plan against reality: what the reports mean, what to start and stop now, and when to plan again. Pure."""
