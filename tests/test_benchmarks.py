"""The benchmarks run: their figures are true, whatever they say about speed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import report
from benchmarks.__main__ import main
from benchmarks.workloads import WORKLOADS


def test_a_quick_run_compares_the_bare_pump_with_no_proxy() -> None:
    """A run of one load through two contenders ends by itself with a table of both."""
    run = CliRunner().invoke(main, ["--quick", "--workloads", "ping", "--only", "direct,pump"])

    assert run.exit_code == 0, run.output
    assert "direct" in run.stdout
    assert "ping 64 B, us" in run.stdout


def test_a_load_nobody_knows_is_refused_by_name() -> None:
    """A misspelt load ends the run with the names there are."""
    run = CliRunner().invoke(main, ["--workloads", "pong"])

    assert run.exit_code == 2
    assert "ping 64 B" in run.output


def test_ratios_are_taken_round_by_round() -> None:
    """The ratio is the median of the rounds' own ratios, and more is always better."""
    ping = next(workload for workload in WORKLOADS if workload.name == "ping 64 B")
    figures = {
        (ping.name, "direct"): [50.0, 500.0, 60.0],
        (ping.name, "mine"): [100.0, 1000.0, 60.0],
    }

    assert report.cell(figures, ping, "mine") == "100 (0.50 / -)"


def test_the_table_in_the_readme_is_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only what stands between the markers changes."""
    readme = tmp_path / "README.md"
    readme.write_text(f"above\n{report.BEGIN}\nold\n{report.END}\nbelow\n")
    monkeypatch.setattr(report, "README", readme)
    report.write({("ping 64 B", "direct"): [60.0]}, rounds=1)

    text = readme.read_text()
    assert text.startswith("above\n")
    assert text.endswith("below\n")
    assert "| ping 64 B, us | 60.0 (1.00 / -) |" in text
    assert "old" not in text
