"""Captions in every form in which they come."""

import json
from pathlib import Path

import pytest

from bulk.captions import caption_of, read_captions
from core.errors import UserError
from tests.bulk.scenes import make_job

ENTRIES = [{"scene_id": "a_0.5", "caption": "A fox."}, {"scene_id": "b", "caption": "A town."}]
EXPECTED = {"a_0.5": "A fox.", "b": "A town."}
FORMS = {
    "as written": json.dumps({"captions": ENTRIES}),
    "a list": json.dumps(ENTRIES),
    "lines": "\n".join(json.dumps(entry) for entry in ENTRIES),
    "an object": json.dumps(EXPECTED),
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_every_form_says_the_same(text: str, tmp_path: Path) -> None:
    (tmp_path / "captions.json").write_text(text, encoding="utf-8")
    assert read_captions(tmp_path / "captions.json") == EXPECTED


def test_what_is_edited_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    for caption in ("A fox.", "A town."):
        file.write_text(json.dumps({"a": caption}), encoding="utf-8")
        assert read_captions(file) == {"a": caption}


def test_one_line_is_lines(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text(json.dumps(ENTRIES[0]), encoding="utf-8")
    assert read_captions(tmp_path / "c.jsonl") == {"a_0.5": "A fox."}


@pytest.mark.parametrize("text", ["", "{", "7", '[{"id": 1}]', '{"a": 1}', '["a"]'])
def test_anything_else_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(text, encoding="utf-8")
    if text == "":
        assert read_captions(tmp_path / "c.json") == {}
        return
    with pytest.raises(UserError, match=r"c\.json holds (no captions|captions that are no text)"):
        read_captions(tmp_path / "c.json")


def test_the_id_with_the_split_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"scene": "of all", "scene_0.3": "of one"}), encoding="utf-8")
    jobs = [make_job(tmp_path / "scene", tmp_path, split) for split in (0.3, 0.5)]
    assert [caption_of(job, file) for job in jobs] == ["of one", "of all"]
    assert caption_of(make_job(tmp_path / "other", tmp_path), file) is None
    assert caption_of(jobs[0], None) is None
