"""Every question the doctor asks, by the id of its finding. `docs/operate` explains each under this id."""

from __future__ import annotations

QUESTIONS = {
    # The settings, without asking anybody
    "settings.sound": "Do the settings agree with each other?",
    "code.path": "Does the site's code do without paths on the disk?",
    "secrets.file": "Can only its owner read the file that holds the secrets?",
    "secrets.published": "Does no stranger get the file that holds the secrets?",
    # The way to the store
    "store.name": "Does the endpoint's name lead to a machine?",
    "store.tls": "Does the endpoint show a certificate that can be trusted?",
    "store.s3": "Is what answers there an S3 store?",
    "store.clock": "Do this machine's clock and the store's agree?",
    "store.credentials": "Does the store accept the access key?",
    "store.region": "Is the bucket in the region that is configured?",
    "store.addressing": "Is the bucket named where the store looks for its name?",
    "store.bucket": "Is the bucket there, and ours to use?",
    "server.host-key": "Is the server known, and does it show the key that it is known by?",
    "server.login": "Does the server let this site's user in?",
    "server.folder": "Is the folder there, and may this site's user enter it?",
    "store.answers": "Does the store answer this site?",
    # What the key may do
    "permission.list": "May the access key list the bucket?",
    "permission.write": "May it write?",
    "permission.read": "May it read?",
    "permission.delete": "May it delete?",
    "permission.acl": "May it store a file together with its ACL?",
    "permission.multipart": "May it send a large file in parts, and give up on one?",
    "permission.excess": "May it do more than the site needs?",
    # What strangers may do
    "access.public": "Can anybody read what is stored as public, with the same bytes?",
    "access.acl": "What does the store make of an object's ACL?",
    "access.private": "Is what is not meant for strangers kept from them?",
    "access.listing": "Is a stranger refused a list of the files?",
    "access.write": "Is a stranger refused to write?",
    "access.delete": "Is a stranger refused to delete?",
    "access.versions": "Is a deleted file gone for strangers?",
    "access.grants": "Does the bucket's own ACL give nothing to everybody?",
    "domain.leads-here": "Does the custom domain lead to this bucket?",
    # What the store is like
    "store.verbatim": "Does the store keep exactly the bytes it was sent?",
    "store.conditions": "Does the store refuse to overwrite when asked to?",
    "store.encryption": "Does the store encrypt what it keeps?",
    "store.unfinished": "Does the bucket clear away uploads that were never finished?",
    # What visitors get
    "media.picture": "Can anybody read a picture of the site, with the right type and size?",
    "media.cache": "Is that picture served with the cache header it should have?",
    "static.font": "Is a font where the pages say it is?",
    "static.cache": "Is that font served with the cache header it should have?",
    "static.manifest": "Is every file that a page may name in the store?",
    "static.stale": "Are the static files those of the code that runs?",
    "cors.preflight": "Does the bucket tell a browser that the site's pages may use its files?",
    "cors.font": "Would a browser give that font to a page of this site?",
    "cors.strangers": "Are pages of other sites let in as well?",
    "cors.methods": "May pages do more with the files than read them?",
    "site.mixed-content": "Do the files come over https if the site does?",
    "site.csp": "Does the site's Content-Security-Policy name the files' hosts and nothing wider?",
    "site.nosniff": "Does the site forbid browsers to guess types?",
    # The files themselves
    "files.missing": "Is every file there that the database refers to?",
    "files.unreferenced": "Does the database refer to every file that is there?",
    "files.thumbnails": "Is every smaller picture there that pages show?",
    # Files that are nobody else's business
    "exports.separate": "Do private files have a bucket of their own, without a custom domain?",
    "exports.private": "Is a stranger refused to read a private file, and to list them?",
}
