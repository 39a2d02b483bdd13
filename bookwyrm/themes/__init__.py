"""Colour themes as data: one TOML file each, checked for contrast and compiled to one style sheet."""
