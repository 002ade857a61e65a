"""The nouns: frozen values of the standard library (numpy for series only); no clock, no input or output."""
