"""The environment file names the user's own commit: of where the sweep was started, and of where its code lies."""

from __future__ import annotations

import json
import logging
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ratefront.errors import InputError
from ratefront.orchestrate.environment import describe_environment as describing
from ratefront.orchestrate.environment import git_tree
from ratefront.orchestrate.environment.describe_environment import (
    add_inputs,
    describe_environment,
    environment_changes,
    write_environment,
)
from ratefront.orchestrate.environment.git_tree import trees_of
from ratefront.store.environment_files import (
    environment_descriptions,
    environment_files,
    git_commit_of,
    read_environment,
)
from ratefront.store.sweep_folder import SweepFolder

pytestmark = pytest.mark.medium


class Tree:
    """A tree of git's with one file."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        path.mkdir()
        self.git("init", "-q")
        self.commit("one = 1\n")

    def git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.path), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, content: str) -> None:
        self.change(content)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "m")

    def change(self, content: str) -> None:
        (self.path / "mine_.py").write_text(content)

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    tree = Tree(tmp_path / "here")
    monkeypatch.chdir(tree.path)
    return tree


def test_the_tree_of_the_working_directory_is_described(here: Tree) -> None:
    (tree,) = describe_environment()["user_trees"]
    assert tree == {"folder": str(here.path), "git_commit": here.head, "git_diff": ""}
    here.change("one = 2\n")
    (tree,) = describe_environment()["user_trees"]
    assert "+one = 2" in tree["git_diff"]


def test_the_tree_of_the_users_code_is_described(
    here: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users_tree = Tree(tmp_path / "there")
    monkeypatch.syspath_prepend(users_tree.path)
    trees = describe_environment(["mine_"])["user_trees"]
    assert [tree["folder"] for tree in trees] == [str(here.path), str(users_tree.path)]
    assert trees[1]["git_commit"] == users_tree.head


def test_no_tree_and_a_tree_without_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert trees_of([tmp_path], but=None) == []
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert trees_of([tmp_path], but=None) == [
        {"folder": str(tmp_path.resolve()), "git_commit": None, "git_diff": None}
    ]
    assert trees_of([tmp_path], but=tmp_path) == [], "ratefront's own is described elsewhere"


def test_a_diff_of_megabytes_is_not_kept(here: Tree) -> None:
    here.change("# " + "x" * (1 << 20) + "\n")
    (tree,) = trees_of([here.path], but=None)
    assert tree["git_diff"].endswith("characters, not kept)")


def test_another_commit_is_described_and_listed_as_a_change(here: Tree, tmp_path: Path) -> None:
    folder, first = SweepFolder(tmp_path), here.head
    write_environment(folder)
    write_environment(folder)
    assert len(environment_descriptions(folder)) == 1
    here.commit("one = 3\n")
    write_environment(folder)
    assert len(environment_descriptions(folder)) == 2
    line = f"environment.json: {here.path}: git_commit {first} → {here.head}"
    assert environment_changes(folder) == [line]
    here.change("one = 4\n")
    assert f"environment-2.json: {here.path}: git_diff differs" in environment_changes(folder)


def test_other_software_gives_a_warning_and_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now: dict[str, Any] = {"git_commit": "a", "git_diff": "", "python": "3", "packages": {"torch": "2.6"}}
    monkeypatch.setattr(describing, "describe_environment", lambda _: dict(now))
    folder = SweepFolder(tmp_path)
    with caplog.at_level(logging.WARNING):
        write_environment(folder)
        assert caplog.text == "", "a first start has nothing to differ from"
        now["packages"] = {"torch": "2.6", "rich": "14"}
        write_environment(folder)
        assert caplog.text == "", "no bit depends on it"
        now |= {"packages": {"torch": "2.7"}, "git_commit": "b"}
        write_environment(folder)
    assert "other software than before: git_commit a → b; torch 2.6 → 2.7" in caplog.text
    assert len(environment_descriptions(folder)) == 3


def test_digests_go_into_the_last_description(here: Tree, tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    add_inputs(folder, {"dataset": "a"})
    assert environment_descriptions(folder) == [], "there is none to say it in"
    write_environment(folder)
    add_inputs(folder, {"dataset": "a", "code mine_": "b"})
    write_environment(folder)
    (only,) = environment_descriptions(folder)
    described = json.loads(only.read_text())
    assert described["inputs"] == {"dataset": "a", "code mine_": "b"}
    assert described["packages"]


class TestEnvironment:
    def test_versions_commit_and_machine_are_described(self) -> None:
        described = describe_environment()
        assert described["packages"]["ray"]
        assert described["cpus_usable"] >= 1
        assert set(described) >= {"git_commit", "git_diff", "python", "platform", "cpu_count", "command"}
        json.dumps(described)

    def test_a_diff_may_hold_any_bytes(self, here: Tree) -> None:
        (here.path / "mine_.py").write_bytes(b"caf\xe9\n")
        (tree,) = describe_environment()["user_trees"]
        assert "+caf\ufffd" in tree["git_diff"]

    def test_an_installed_package_does_not_claim_the_tree_around_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
        installed = tmp_path / "venv" / "ratefront" / "__init__.py"
        installed.parent.mkdir(parents=True)
        installed.touch()
        monkeypatch.setattr(describing.ratefront, "__file__", str(installed))
        monkeypatch.setattr(describing, "_HERE", installed.parent)
        described = describe_environment()
        assert (described["git_commit"], described["git_diff"]) == (None, None)

    def test_a_later_start_is_described_if_it_differs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder, now = SweepFolder(tmp_path), {"git_commit": "a", "git_diff": "", "packages": {"x": "1"}}
        monkeypatch.setattr(describing, "describe_environment", lambda _: dict(now))
        write_environment(folder)
        write_environment(folder)
        assert [path.name for path in environment_descriptions(folder)] == ["environment.json"]
        now["packages"] = {"x": "2"}
        write_environment(folder)
        write_environment(folder)
        now["packages"] = {"x": "1"}  # as at first, but not as at last
        write_environment(folder)
        names = [path.name for path in environment_descriptions(folder)]
        assert names == ["environment.json", "environment-2.json", "environment-3.json"]
        assert json.loads(environment_descriptions(folder)[1].read_text())["packages"] == {"x": "2"}

    def test_uncommitted_changes_are_a_file_beside_the_description(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder, now = SweepFolder(tmp_path), {"git_commit": "a", "git_diff": "+café\n", "packages": {}}
        monkeypatch.setattr(describing, "describe_environment", lambda _: dict(now))
        (tmp_path / "environment-2.diff").write_text("of a start that was killed over it")
        write_environment(folder)
        assert (tmp_path / "environment.diff").read_text(encoding="utf-8") == "+café\n"
        for diff in ("", "+two\n"):
            now["git_diff"] = diff
            write_environment(folder)
            write_environment(folder)
        assert [path.name for path in environment_files(folder)] == [
            "environment.json", "environment.diff", "environment-2.json", "environment-3.json", "environment-3.diff",
        ]  # fmt: skip
        assert not (tmp_path / "environment-2.diff").exists()

    def test_an_unreadable_description_counts_as_different(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = {"git_commit": None, "git_diff": None, "packages": {}}
        monkeypatch.setattr(describing, "describe_environment", lambda _: now)
        (tmp_path / "environment.json").write_text("{")
        write_environment(SweepFolder(tmp_path))
        assert len(environment_descriptions(SweepFolder(tmp_path))) == 2

    def test_the_commit_is_that_of_the_last_start(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = SweepFolder(tmp_path)
        assert git_commit_of(folder) is None
        for commit in ("a", "b", None, "c"):
            now = {"git_commit": commit, "git_diff": None, "packages": {}}
            monkeypatch.setattr(describing, "describe_environment", lambda _, now=now: now)
            write_environment(folder)
            assert git_commit_of(folder) == commit

    @pytest.mark.parametrize("content", ["{", "[]", "3", '{"git_commit": 3}', "{}"])
    def test_an_unreadable_commit_is_unknown(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "environment.json").write_text(content)
        assert git_commit_of(SweepFolder(tmp_path)) is None


@pytest.mark.parametrize(
    ("forged", "key"),
    [
        ({"packages": [1]}, "packages"),
        ({"packages": {"torch": [1]}}, "packages.torch"),
        ({"user_trees": 5}, "user_trees"),
        ({"user_trees": [{}]}, "user_trees.0.folder"),
        ({"user_trees": [{"folder": [1], "git_commit": "", "git_diff": ""}]}, "user_trees.0.folder"),
        ({"git_diff": ["\x1b"]}, "git_diff"),
    ],
)
def test_a_forged_description_is_bad_input(here: Tree, tmp_path: Path, forged: Any, key: str) -> None:
    (tmp_path / "environment.json").write_text(json.dumps(forged))
    with pytest.raises(InputError, match=f"environment.json cannot be read: {key}: "):
        environment_changes(SweepFolder(tmp_path))


def test_programs_that_a_tree_names_are_not_run(here: Tree, tmp_path: Path) -> None:
    """The tree may have been unpacked from a stranger's archive."""
    trace = tmp_path / "trace"
    (here.path / ".gitattributes").write_text("mine_.py filter=a=b diff=shown\n")
    for setting in (
        "core.fsmonitor",
        "diff.external",
        "diff.shown.textconv",
        "diff.shown.command",
        "filter.a=b.clean",
        "filter.a=b.process",
    ):
        here.git("config", setting, f"touch {trace}.{setting.replace('=', '_')}; cat")
    here.git("config", "filter.a=b.required", "true")
    here.change("one = 2\n")
    (tree,) = describe_environment()["user_trees"]
    assert "+one = 2" in tree["git_diff"]
    assert list(tmp_path.glob("trace*")) == []
    with pytest.raises(subprocess.CalledProcessError):  # what they answer is no text for git
        here.git("diff", "HEAD")
    assert list(tmp_path.glob("trace*")), "git itself runs them"


def test_a_tree_may_have_a_name_that_is_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(tmp_path / os.fsdecode(b"old\xff"))
    monkeypatch.chdir(tree.path)
    write_environment(SweepFolder(tmp_path))
    (described,) = read_environment(tmp_path / "environment.json")["user_trees"]
    assert (described["git_commit"], described["folder"][-4:]) == (tree.head, "old\ufffd")


def test_a_hook_of_a_tree_is_not_run(here: Tree, tmp_path: Path) -> None:
    """git writes its index where only a file's time has changed, as that of every unpacked file."""
    hook = here.path / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/trace\n")
    hook.chmod(0o755)
    os.utime(here.path / "mine_.py", (1, 1))
    assert describe_environment()["user_trees"][0]["git_diff"] == ""
    assert not (tmp_path / "trace").exists()
    os.utime(here.path / "mine_.py", (2, 2))
    here.git("diff", "HEAD")
    assert (tmp_path / "trace").exists(), "git itself runs it"


def test_a_filter_may_have_any_name(here: Tree, tmp_path: Path) -> None:
    with (here.path / ".git" / "config").open("ab") as settings:
        settings.write(b'[filter "\xff"]\n\tclean = "touch %b; cat"\n' % bytes(tmp_path / "trace"))
    (here.path / ".gitattributes").write_bytes(b"* filter=\xff\n")
    here.change("one = 2\n")
    assert "+one = 2" in describe_environment()["user_trees"][0]["git_diff"]
    assert not (tmp_path / "trace").exists()
    here.git("diff", "HEAD")
    assert (tmp_path / "trace").exists(), "git itself runs it"


def test_a_submodules_settings_run_no_program(here: Tree, tmp_path: Path) -> None:
    below = Tree(here.path / "below")
    here.git("add", "below")
    here.git("commit", "-q", "-m", "m")
    here.git("config", "diff.submodule", "diff")
    below.commit("one = 2\n")
    below.git("config", "diff.external", f"touch {tmp_path / 'trace'}; true")
    (tree,) = describe_environment()["user_trees"]
    assert f"+Subproject commit {below.head}" in tree["git_diff"]
    assert not (tmp_path / "trace").exists()
    here.git("diff", "HEAD")
    assert (tmp_path / "trace").exists(), "git itself runs it"


def test_a_tree_fetches_nothing(here: Tree, tmp_path: Path) -> None:
    """An object that is missing would be fetched by a program that the tree's settings name."""
    trace, blob = tmp_path / "trace", here.git("rev-parse", "HEAD:mine_.py")
    (here.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for name, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": str(here.path),
        "remote.origin.uploadpack": f"touch {trace}; false",
    }.items():
        here.git("config", name, value)
    here.change("one = 2\n")
    (tree,) = describe_environment()["user_trees"]
    assert (tree["git_commit"], tree["git_diff"]) == (here.head, None)
    assert not trace.exists()
    with pytest.raises(subprocess.CalledProcessError):
        here.git("diff", "HEAD")
    assert trace.exists(), "git itself runs it"


def _foreign(kind: str, mine: Tree, stranger: Path) -> None:
    """Make a folder whose ``.git`` leads to a repository of the user's."""
    repository, own = mine.path / ".git", stranger / ".git"
    if kind == "file":
        own.write_text(f"gitdir: {repository}\n")
    elif kind == "link":
        own.symlink_to(repository)
    elif kind == "worktree":
        (stranger / "worktrees" / "x").mkdir(parents=True)
        (stranger / "worktrees" / "x" / "commondir").write_text(f"{repository}\n")
        (stranger / "worktrees" / "x" / "gitdir").write_text(f"{own}\n")
        (stranger / "worktrees" / "x" / "HEAD").write_text(mine.head)
        own.write_text("gitdir: worktrees/x\n")
    else:
        subprocess.run(["git", "init", "-q", str(stranger)], check=True)
        if kind == "common":
            (own / "commondir").write_text(f"{repository}\n")
        elif kind == "linked parts":
            for name in ("objects", "refs"):
                (own / name).rename(stranger / name)
                (own / name).symlink_to(repository / name)
            (own / "HEAD").write_text((repository / "HEAD").read_text())
        else:
            subprocess.run(
                ["git", "-C", str(stranger), "config", "core.worktree", str(mine.path)], check=True
            )
            (own / "index").write_bytes((repository / "index").read_bytes())


@pytest.mark.parametrize("kind", ["file", "link", "worktree", "common", "linked parts", "core.worktree"])
def test_a_strangers_tree_shows_no_other_repository(kind: str, here: Tree) -> None:
    stranger = here.path / "stranger"
    stranger.mkdir()
    _foreign(kind, here, stranger)
    assert git_tree.git(stranger, "rev-parse", "--git-dir") is not None, "git itself accepts it"
    assert trees_of([stranger], but=None) == []
    assert git_tree.diff_of(stranger) is None
    assert git_tree.commit_of(stranger) is None


def test_worktrees_and_submodules_are_described(here: Tree, tmp_path: Path) -> None:
    here.git("worktree", "add", "-q", str(tmp_path / "worktree"))
    other = Tree(tmp_path / "other")
    other.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(here.path), "inner")
    for folder in (tmp_path / "worktree", other.path / "inner"):
        (folder / "mine_.py").write_text("one = 5\n")
        (tree,) = trees_of([folder], but=None)
        assert (tree["folder"], tree["git_commit"]) == (str(folder), here.head)
        assert "+one = 5" in tree["git_diff"]
