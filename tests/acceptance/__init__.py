"""Walk the user's page from its first line to its last, on a copy of the tree, with real servers."""
