"""The command line: a module for each command, imported when the command is called, so that `syncd --help` is quick."""
