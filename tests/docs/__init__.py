"""The operator's pages are true: the same in both languages, and every command on them works."""
