"""Move an alias from one store to another while the site runs.

=================  =================================================================================================
`state`            where an alias stands: ``state_of(alias)``, ``fresh_state_of(alias)``
`ladder`           the steps of a move, each one transaction and one epoch, and what keeps one from being taken
`marks`            the keys that a store has not caught up with: made before a store is touched, drained afterwards
`watching`         a store for the copier, whose ``put`` looks at the key's mark again
`guard`            the object by which a store tells whose it is
`database`         the connection all of this goes through
=================  =================================================================================================

Why it loses nothing: docs/decisions/moving-a-running-site.md.
"""
