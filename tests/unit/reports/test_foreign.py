"""Files in the evidence that are none of ours."""

from pathlib import Path

import pytest

from aicr_pytest.evidence.checksums import entries
from aicr_pytest.reports.foreign import redact_files
from tests.unit.reports import sample


def clean(text: str) -> str:
    return text.replace("secret", "[gone]")


@pytest.mark.parametrize(
    ("name", "said", "done"),
    [
        ("a.txt", "a secret", "a [gone]"),
        ("deep/er/a.log", "a secret", "a [gone]"),
        ("a.json", '{"secret": 1}', '{\n  "[gone]": 1\n}\n'),
        ("broken.json", '{"secret": ', '{"[gone]": '),
        ("broken.xml", "<a>secret", "<a>[gone]"),
        ("page.html", "<p>secret</p>", "<p>[gone]</p>"),
        ("style.css", "/* secret */", "/* secret */"),
    ],
)
def test_each_is_redacted_by_its_kind(tmp_path: Path, name: str, said: str, done: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(said, encoding="utf-8")

    assert redact_files(tmp_path, clean) == []
    assert (tmp_path / name).read_text(encoding="utf-8") == done


def test_ours_are_left_alone_but_for_the_journals(tmp_path: Path) -> None:
    run = sample.make(tmp_path)
    before = list(entries(run))
    (run / "requests-gw8.jsonl").write_text('{"path": "/api/secret", "ms": 3}\n')
    (run / "requests-gw7.jsonl").write_text('{"path": "/api", "ms": 3}\n')

    redact_files(run, clean)

    journals = [run / "requests-gw7.jsonl", run / "requests-gw8.jsonl"]
    assert [path.read_text() for path in journals] == [
        '{"path": "/api", "ms": 3}\n',
        '{"path": "/api/[gone]", "ms": 3}\n',
    ]
    for path in journals:
        path.unlink()
    assert list(entries(run)) == before


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("secret")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link.txt").symlink_to(outside)

    redact_files(tmp_path / "run", clean)

    assert outside.read_text() == "secret"


def test_file_that_is_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aicr_pytest.reports.foreign._MOST_BYTES", 10)
    (tmp_path / "long.log").write_text("secret" * 10)

    assert redact_files(tmp_path, clean) == ["long.log is not redacted: it has 60 B"]


def test_file_that_a_parser_trips_over_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    def trip(text: str) -> str:
        if "trap" in text:
            raise MemoryError("too deep")
        return clean(text)

    (tmp_path / "a.txt").write_text("trap")
    (tmp_path / "b.txt").write_text("secret")

    assert redact_files(tmp_path, trip) == ["a.txt is not redacted: MemoryError: too deep"]
    assert (tmp_path / "b.txt").read_text() == "[gone]"
