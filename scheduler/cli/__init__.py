"""The command line: one file a noun, each imported when its command is called."""
