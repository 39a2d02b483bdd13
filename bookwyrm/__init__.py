"""A social-reading site, the first user of `external_storage`."""
