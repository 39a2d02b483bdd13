"""Find out whether a store is set up right, and say in plain words what is not."""
