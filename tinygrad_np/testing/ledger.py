"""What has been checked in this process, for the summary that a test run ends with."""

RECORDS: list = []


def note(report) -> None:
    """Remember a report."""
    RECORDS.append(report)
