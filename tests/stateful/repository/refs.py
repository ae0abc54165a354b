"""Steps on branches, tags, and the settings of the repository."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

import frazil
from frazil import RepoStatus
from frazil import UpdateType as Did
from tests.stateful.repository.base import FUTURE, METADATA, UNKNOWN, Base
from tests.stateful.world import INITIAL

BRANCHES = ["main", "dev", "é x"]
TAGS = ["v1", "v2", "t é"]
FLAGS = {"move_node": 3, "create_tag": 4, "delete_tag": 5}
SPLITS = st.none() | st.integers(1, 3)


class RefsAndSettings(Base):
    """Branches, tags, metadata, flags, status, configuration."""

    def target(self, data: st.DataObject, refusal: str | None) -> tuple[str, str | None]:
        """A snapshot for a ref, seldom one that is not there, and what refuses it."""
        if data.draw(st.integers(0, 9)) == 9:
            return UNKNOWN, "snapshot-not-found" if self.is_v2 else "object-not-found"
        return self.some_commit(data), refusal

    @rule(data=st.data(), name=st.sampled_from(BRANCHES))
    def create_branch(self, data: st.DataObject, name: str) -> None:
        taken = "branch-already-exists" if self.is_v2 else "branch-update-conflict"
        target, refusal = self.target(data, taken if name in self.world.branches else None)
        self.expect(refusal, lambda: self.repo.create_branch(name, target))
        if refusal is None:
            self.world.branches[name] = target
            self.note(Did.BranchCreated(name))

    @rule(name=st.sampled_from(BRANCHES))
    def delete_branch(self, name: str) -> None:
        refusal = "cannot-delete-main" if name == "main" else None if name in self.world.branches else "ref-not-found"
        self.expect(refusal, lambda: self.repo.delete_branch(name))
        if refusal is None:
            self.note(Did.BranchDeleted(name, self.world.branches.pop(name)))

    @rule(data=st.data(), name=st.sampled_from(BRANCHES), expected=st.sampled_from(["none", "tip", "other"]))
    def reset_branch(self, data: st.DataObject, name: str, expected: str) -> None:
        tip = self.world.branches.get(name)
        refusal = None if tip is not None else "ref-not-found"
        given = {"none": None, "tip": tip, "other": UNKNOWN}[expected]
        if tip is not None and given == UNKNOWN:
            refusal = "branch-update-conflict"
        target, refusal = self.target(data, refusal)
        self.expect(refusal, lambda: self.repo.reset_branch(name, target, from_snapshot_id=given))
        if refusal is None:
            assert tip is not None
            self.world.branches[name] = target
            self.note(Did.BranchReset(name, tip))

    def disabled(self, flag: str) -> str | None:
        return None if self.world.flags.get(flag, True) else "feature-flag-disabled"

    @rule(data=st.data(), name=st.sampled_from(TAGS))
    def create_tag(self, data: st.DataObject, name: str) -> None:
        refusal = None
        if name in self.world.tags:
            refusal = "tag-already-exists"
        elif name in self.world.deleted_tags:
            refusal = "tag-previously-deleted" if self.is_v2 else "tag-already-exists"
        target, refusal = self.target(data, self.disabled("create_tag") or refusal)
        self.expect(refusal, lambda: self.repo.create_tag(name, target))
        if refusal is None:
            self.world.tags[name] = target
            self.note(Did.TagCreated(name))

    @rule(name=st.sampled_from(TAGS))
    def delete_tag(self, name: str) -> None:
        refusal = self.disabled("delete_tag") or (None if name in self.world.tags else "ref-not-found")
        self.expect(refusal, lambda: self.repo.delete_tag(name))
        if refusal is None:
            self.note(Did.TagDeleted(name, self.world.tags.pop(name)))
            self.world.deleted_tags.add(name)

    @rule(metadata=METADATA, replace=st.booleans())
    def change_metadata(self, metadata: dict[str, Any], replace: bool) -> None:
        if not self.is_v2:
            self.expect("unsupported-spec-version", lambda: self.repo.set_metadata(metadata))
            return
        if replace:
            self.repo.set_metadata(metadata)
            self.world.metadata = metadata
        else:
            self.world.metadata = {**self.world.metadata, **metadata}
            assert self.repo.update_metadata(metadata) == self.world.metadata
        self.note(Did.MetadataChanged())

    @rule(name=st.sampled_from(sorted(FLAGS)), setting=st.sampled_from([None, None, True, False]))
    def set_flag(self, name: str, setting: bool | None) -> None:
        refusal = None if self.is_v2 else "unsupported-spec-version"
        self.expect(refusal, lambda: self.repo.set_feature_flag(name, setting))
        if refusal is None:
            self.world.flags.pop(name, None)
            if setting is not None:
                self.world.flags[name] = setting
            self.note(Did.FeatureFlagChanged(FLAGS[name], setting))

    @rule(data=st.data(), reason=st.none() | st.text(max_size=3))
    def set_read_only_for_a_while(self, data: st.DataObject, reason: str | None) -> None:
        if not self.is_v2:
            self.expect("unsupported-spec-version", lambda: self.repo.get_status())
            return
        frozen, online = frazil.RepoAvailability.read_only, frazil.RepoAvailability.online
        status = RepoStatus(frozen, set_at=FUTURE, limited_availability_reason=reason)
        self.repo.set_status(status)
        assert self.repo.get_status() == status
        attempts: list[Callable[[], Any]] = [
            lambda: self.repo.writable_session("main"),
            lambda: self.repo.rearrange_session("main"),
            lambda: self.repo.create_branch("new", INITIAL),
            lambda: self.repo.delete_branch("dev"),
            lambda: self.repo.reset_branch("main", INITIAL),
            lambda: self.repo.create_tag("new", INITIAL),
            lambda: self.repo.delete_tag("v1"),
            lambda: self.repo.set_metadata({}),
            lambda: self.repo.update_metadata({}),
            lambda: self.repo.set_feature_flag("create_tag", True),
            lambda: self.repo.save_config(),
            lambda: self.repo.expire_snapshots(FUTURE),
            lambda: self.repo.garbage_collect(FUTURE),
            lambda: self.repo.garbage_collect(FUTURE, dry_run=True),
            lambda: self.repo.rewrite_manifests("no", branch="main"),
        ]
        for opened in self.open:
            if opened.mode != "readonly":
                attempts.append(partial(opened.session.commit, "no", allow_empty=True))
                attempts.append(partial(opened.session.flush, "no"))
        for attempt in data.draw(st.lists(st.sampled_from(attempts), min_size=1, max_size=4)):
            self.expect("read-only-repository", attempt)
        again = RepoStatus(online, set_at=FUTURE)
        self.repo.set_status(again)
        self.note(Did.RepoStatusChanged(status))
        self.note(Did.RepoStatusChanged(again))

    @rule(threshold=st.sampled_from([0, 16, 512]), page=st.integers(1, 5), split=SPLITS, save=st.booleans())
    def configure(self, threshold: int, page: int, split: int | None, save: bool) -> None:
        config = frazil.RepositoryConfig(num_updates_per_repo_info_file=page)
        if not self.content_ids:
            config.inline_chunk_threshold_bytes = threshold
        if split is not None:
            any_array, any_dim = frazil.ManifestSplitCondition.AnyArray(), frazil.ManifestSplitDimCondition.Any()
            splitting = frazil.ManifestSplittingConfig.from_dict({any_array: {any_dim: split}})
            config.manifest = frazil.ManifestConfig(splitting=splitting)
        repo = self.reopened().reopen(config)
        if save:
            repo.save_config()
            assert frazil.Repository.fetch_config(self.storage) == repo.config
            self.note(Did.ConfigChanged())
        self.repos = [self.reopened(), repo]
        assert self.repos[0].config == repo.config or not save

    @rule()
    def reopen(self) -> None:
        one = self.reopened()
        self.repos = [one, pickle.loads(pickle.dumps(one)) if self.pickles else self.reopened()]
        for opened in self.open:
            if opened.mode != "readonly":
                with pytest.raises(ValueError, match="opt-in to pickle"):
                    pickle.dumps(opened.session)
            elif self.pickles:
                opened.session = pickle.loads(pickle.dumps(opened.session))
