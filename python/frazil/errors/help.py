"""What a user can do about an error, by kind; shown as a note below the message."""

from __future__ import annotations

from typing import Final

REPORT: Final = "a fault of this package: please report it, with the output of frazil.print_debug_info()"

HELP: Final[dict[str, str]] = {
    # ConflictError
    "commit-conflict": "frazil.ConflictDetector() accepts what does not collide, frazil.BasicConflictSolver() also settles chunks that both wrote",
    "branch-update-conflict": "look the branch up again and decide whether the change still makes sense",
    "config-updated": "reopen the repository to see the new configuration, then save yours again",
    "repo-info-updated": "open the repository again; somebody else created or changed it at the same moment",
    "update-attempts-exhausted": "try again later, or raise repo_update_retries in the configuration",
    # RebaseFailedError
    "rebase-failed": "frazil.BasicConflictSolver(on_chunk_conflict=frazil.VersionSelection.UseOurs) settles chunks that both wrote and deletions; what it leaves has to be made again in a new session",
    # NodeNotFoundError
    "node-not-found": "list what is there with zarr.open_group(store, mode='r').members(); a session sees the snapshot that it was opened on",
    "ancestor-node-not-found": "create the groups above it first, or correct the path",
    "chunk-not-found": "a chunk that was never written has no bytes; read the array instead, which gives the fill value",
    "key-not-found": "list the keys with store.list_prefix(); only those of Zarr format 3 exist, so pass zarr_format=3",
    # SnapshotNotFoundError
    "snapshot-not-found": "list the snapshots with Repository.ancestry(); expired ones are gone for good",
    "no-snapshot-at-time": "the branch is younger than that; look at its first snapshot with Repository.ancestry()",
    # RefNotFoundError
    "ref-not-found": "see Repository.list_branches() and Repository.list_tags()",
    "branch-not-found": "see Repository.list_branches()",
    "tag-not-found": "see Repository.list_tags()",
    # RepositoryNotFoundError
    "repository-not-found": "check bucket, prefix or path, or make one with Repository.create() or Repository.open_or_create()",
    # AlreadyExistsError
    "node-already-exists": "open the node that is there, or delete it first",
    "branch-already-exists": "choose another name, or move the branch with Repository.reset_branch()",
    "tag-already-exists": "tags cannot be moved; choose another name",
    "tag-previously-deleted": "the name of a deleted tag cannot be used again; choose another",
    "move-wont-overwrite": "delete or move what is at the destination first, in a session of its own",
    # ReadOnlyError
    "read-only-session": "open one with Repository.writable_session(branch)",
    "read-only-store": "take the store from Repository.writable_session(branch)",
    "read-only-storage": "open the repository through a storage that can be written to",
    "read-only-repository": "an administrator set this; see Repository.status and Repository.set_status()",
    # InvalidInputError
    "invalid-key": "keys are 'zarr.json', '<path>/zarr.json' and '<path>/c/<i>/<j>/...'",
    "invalid-chunk-index": "compare the index with the shape of the chunk grid",
    "zero-length-chunk": "delete the chunk instead, which leaves the fill value in its place",
    "invalid-manifest-split-index": "give every dimension a size of at least 1, and no more dimensions than the array has",
    "invalid-ref-type": "refs are in refs/branch.<name> and refs/tag.<name>; take other files out of refs/",
    "invalid-ref-name": "names of branches and tags are not empty and have no `/`",
    "invalid-snapshot-id": "an id is 20 characters of Crockford base32",
    "invalid-path": "paths of nodes are absolute: '/', '/group', '/group/array'",
    "bad-key-prefix": "name an existing group or array",
    "bad-metadata": "zarr.json must be a valid Zarr v3 metadata document",
    "bad-prefix": "name an existing group or array, without a slash at the end",
    "not-an-array": "name an array; zarr.open_group(store, mode='r').members() tells arrays from groups",
    "not-a-group": "name a group; zarr.open_group(store, mode='r').members() tells arrays from groups",
    "invalid-byte-range": "ask for bytes inside the value; store.getsize(key) tells how many there are",
    "invalid-commit-configuration": "check the arguments of the commit, and RepositoryConfig.manifest",
    "invalid-array-metadata": "compare zarr.json of the array with the Zarr v3 specification, its chunk grid first",
    "invalid-feature-flag": "see Repository.feature_flags() for the names",
    "invalid-virtual-ref": "give an absolute URL with a bucket or host and a key (s3://bucket/key, file:///path), or vcc://<container>/<path>",
    "invalid-credentials": "give the kind of credentials that the container's store needs",
    "no-container-for-virtual-chunk": "add one with RepositoryConfig.set_virtual_chunk_container() and save it",
    "unauthorized-virtual-chunk-container": "open the repository with authorize_virtual_chunk_access for its url_prefix",
    "empty-prefix-creation": "give a non-empty prefix; repositories do not share a bucket's root with anything else",
    "parent-directory-not-clean": "open the repository that is there with Repository.open(), or choose an empty place",
    "unsupported-url": "make a Storage with the function for that kind of place, and pass it",
    "bad-snapshot-chain-for-diff": "the first snapshot of a diff must be an ancestor of the second",
    # SessionStateError
    "commit-not-allowed": "open a session with Repository.writable_session(branch)",
    "merge-not-allowed": "merge what Session.fork() returned, into the session that was forked",
    "cannot-fork-read-only-session": "fork one of Repository.writable_session(branch); a read-only session can be pickled as it is",
    "rearrange-session-only": "open a session with Repository.writable_session(branch) for anything but moves",
    "non-rearrange-session": "open a session with Repository.rearrange_session(branch) for moves",
    "move-into-self-or-descendant": "move the node to a path that is not below it",
    "move-destination-parent-missing": "create the group first, in a writable session of its own",
    "move-destination-parent-not-group": "choose a path whose parent is a group",
    "no-changes-to-commit": "write through the store of the session that you commit; the message says what else there is",
    "no-amend-for-initial-commit": "make a normal commit first; it can then be amended",
    "not-on-branch": "open a session with Repository.writable_session(branch)",
    "no-snapshot": "list the snapshots with Repository.ancestry()",
    "cannot-delete-main": "other branches can be deleted; main can be moved with Repository.reset_branch()",
    "uncommitted-changes": "commit them, or drop them with Session.discard_changes()",
    "merge-failed": "let one of the forks create the node, or create it before forking",
    "not-allowed": "set metadata through zarr or store.set(), and references for keys of chunks only",
    "unimplemented": "use Zarr format 3, and write whole chunks",
    "rebase-tx-log-pruned": "the history in between was expired; start a new session and make the changes again",
    "feature-flag-disabled": "see Repository.feature_flags() and Repository.set_feature_flag()",
    "tag-error": "see Repository.list_tags(), and choose a name that was never used",
    "unmerged-forks": "call Session.merge with every fork first, also with those that wrote nothing",
    "invalid-repository-migration": "see Repository.spec_version; only a repository of spec 1 with nobody writing to it can be migrated",
    # StorageError
    "object-not-found": "the file was removed behind the repository's back, or garbage collected; restore it or an earlier state, or, if a commit says so, write the data of this session again",
    "object-store": "see the message of the object store above",
    "io": "see the message of the operating system above",
    "outcome-unknown": "look whether the change is there before making it again; a commit is in Repository.ancestry() then",
    "storage-config": "check the options that were given to the storage function",
    "cannot-parse-url": "give an absolute URL, such as https://host/path",
    "bad-redirect": "open the address in a browser or with curl: it has to redirect to s3://, r2://, tigris://, gs:// or https+icechunk://",
    "semaphore-acquire": "try again; report it if it stays, with the output of frazil.print_debug_info()",
    "throttled": "lower max_concurrent_requests, or raise the retries in the storage settings",
    "storage-other": "check the arguments of the storage function and of authorize_virtual_chunk_access",
    "virtual-chunk-fetch": "check that the external file exists and that its container's credentials allow to read it",
    "virtual-chunk-modified": "the external file changed since it was referred to; set its references again",
    "invalid-object-size": "compare the size of the object with offset and length of the reference; set the reference again if the object changed",
    "gc-deletes-failing": "check that the credentials allow deletion",
    # FormatError
    "serialization": "check the value that was given: texts are Unicode, numbers fit 64 bits, nesting has a limit",
    "deserialization": "the file is damaged or of a newer version; upgrade this package, or restore the file",
    "config-deserialization": "repair the stored configuration",
    "invalid-file-format": "the file is damaged or was not written as part of a repository; restore it",
    "unsupported-spec-version": "upgrade your on-disk format, or this package if the file is newer than it",
    "unsupported-operation-for-version": "migrate the repository with frazil.upgrade_icechunk_repository(), or create it with the newest spec_version",
    "snapshot-timestamp": "synchronise the clock of this machine with that of the store, or of the machine that wrote last",
    "duplicate-snapshot-id": "commit again, which draws a new id",
    "manifest-info-not-found": "the snapshot is damaged; restore it, or go back to an earlier one with Repository.reset_branch()",
    # InternalError
    "concurrency": REPORT,
    "flush": REPORT,
    "partial-values-panic": REPORT,
    "conflicting-path-not-found": REPORT,
    "inconsistent-manifests": REPORT,
    "poison-lock": REPORT,
    "pickle": REPORT,
}

WITHOUT_HELP: Final[dict[str, str]] = {
    "unknown": "the kind of what has no other, errors of users' functions among it: only the message knows",
}
"""Kinds for which nothing can be said in general, with the reason."""
