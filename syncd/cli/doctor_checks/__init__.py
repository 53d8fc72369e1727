"""The checks of `syncd doctor`, a module for each subject. They yield findings, with a remedy for what is wrong."""
