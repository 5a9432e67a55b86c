"""No file is read or written in whatever encoding a machine happens to have."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOOK = [sys.executable, "-m", "ruff", "check", "--no-cache", "--preview", "--select", "PLW1514"]


def test_every_file_is_opened_with_its_encoding_named() -> None:
    found = subprocess.run([*LOOK, str(ROOT)], check=False, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


def test_a_file_opened_without_its_encoding_is_found(tmp_path: Path) -> None:
    (tmp_path / "careless.py").write_text("open('notes.txt').read()\n", encoding="utf-8")
    found = subprocess.run([*LOOK, str(tmp_path)], check=False, capture_output=True, text=True)
    assert "PLW1514" in found.stdout or "unspecified-encoding" in found.stdout
    assert found.returncode == 1
