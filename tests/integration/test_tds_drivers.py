"""Real SQL Server drivers against the SQL node, directly and through Holdfast: same results (tests/drivers/run does
the same with more to read). A driver whose parts are not there and cannot be had soon is skipped."""
import pathlib
import sys

from lib import Skip

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "drivers"))
import compare  # noqa: E402
import parts  # noqa: E402

GET, RUN = 25, 75  # seconds


def drive(t, name):
    driver = parts.DRIVERS[name]
    build = pathlib.Path(t.binary).parent
    if not (build / "tests" / "sqlnode").exists():
        raise Skip("this build has no sqlnode")
    try:
        driver.get(GET)
    except parts.Missing as reason:
        raise Skip(f"{name}: {reason}") from None
    rows = compare.run(driver, build, RUN)
    failures = [f"{row.place}, {row.name}: {row.why}" for row in rows if row.outcome == "failed"]
    assert not failures, "\n".join(failures)
    assert any(row.outcome == "passed" for row in rows)


def test_python_tds(t):
    drive(t, "python-tds")


def test_freetds(t):
    drive(t, "freetds")


def test_tedious(t):
    drive(t, "tedious")


def test_jdbc(t):
    drive(t, "jdbc")


def test_jtds(t):
    drive(t, "jtds")


def test_go_mssqldb(t):
    drive(t, "go-mssqldb")


def test_mssql_python(t):
    drive(t, "mssql-python")
