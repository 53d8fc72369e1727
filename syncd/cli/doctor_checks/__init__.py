"""What `syncd doctor` looks at: one file a thing, each of findings with their remedies."""
