"""What a test run shares: how hard to try, and what has been checked, for the line that it ends with."""

from __future__ import annotations

EFFORT = {"examples": 1.0}  # a factor on the number of inputs that are drawn: --gradcheck=quick|full
RECORDS: list[tuple[str, str, float]] = []


def note(report) -> None:
    """Remember the name, the verdict and the certificate of a report."""
    verdict = "fail" if not report.ok else "inconclusive" if report.inconclusive else "pass"
    RECORDS.append((report.name, verdict, report.sensitivity))


def summary_line() -> str:
    """One line: how many were checked, failed and inconclusive, and the weakest certificate. Empty if
    nothing was.
    """
    if not RECORDS:
        return ""
    names = {name for name, _, _ in RECORDS}
    failed = {name for name, verdict, _ in RECORDS if verdict == "fail"}
    unsure = {name for name, verdict, _ in RECORDS if verdict == "inconclusive"}
    weakest = max(RECORDS, key=lambda record: record[2] if record[1] != "fail" else 0)
    line = f"gradients: {len(names)} operations checked, {len(failed)} failed, "
    line += f"{len(unsure)} inconclusive in part"
    return line + (f"; weakest certificate {weakest[2]:.0e} ({weakest[0]})" if weakest[2] else "")
