"""The audit of the dependencies says what the database said, and when it said nothing."""

import sys

import audit
import pytest

SAYS = "import sys; print({words!r}); sys.exit({status})"
SKIPPED = "No known vulnerabilities found\nName Skip Reason\nnumpy Dependency not found and could not be audited: numpy"
ANSWERS = {
    "nothing known": ("No known vulnerabilities found", 0, 0),
    "a vulnerability": ("Found 1 known vulnerability in 1 package", 1, 1),
    "a package that was passed over": (SKIPPED, 0, audit.NOT_ASKED),
    "not a word": ("", 0, audit.NOT_ASKED),
    "the database was out of reach": ("ConnectionError", 1, 1),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_audit_is_clean_only_if_the_database_said_so(answer: str, capfd: pytest.CaptureFixture[str]) -> None:
    words, status, expected = ANSWERS[answer]
    assert audit.main((sys.executable, "-c", SAYS.format(words=words, status=status))) == expected
    told = capfd.readouterr().out
    assert words in told
    assert ("The audit is not complete" in told) == (expected == audit.NOT_ASKED or "could not" in words)


def test_the_whole_lock_file_is_asked_about(capfd: pytest.CaptureFixture[str]) -> None:
    audit.main((sys.executable, "-c", "import sys; print(*sys.argv[1:])"))
    assert capfd.readouterr().out.splitlines()[0].endswith(f"-r {audit.LOCK}")
    assert audit.LOCK.read_text(encoding="utf-8").count("==") > 100
