"""``./bw-dev demo --move``: a site of its own goes to a bucket and comes back, before the eyes of whoever asked for it.

Everything runs on this machine and is gone afterwards: the site, its database, and the server that keeps the bucket.
"""
