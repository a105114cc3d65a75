"""Runs one driver's program at all places of a stand and judges each scenario.

At the node itself a scenario must not fail and must yield what expected.json says, which is the same for all drivers;
through Holdfast it must yield what it yielded at the node, and what it cannot do there it need not do here."""
import json
import os
import pathlib
import subprocess

from stand import Stand

EXPECTED = json.loads((pathlib.Path(__file__).parent / "expected.json").read_text())


class Row:
    """One scenario at one place: `outcome` is passed, failed or skipped, `why` says more unless it passed."""

    def __init__(self, place, name, outcome, why=""):
        self.place, self.name, self.outcome, self.why = place, name, outcome, why


def run(driver, build, seconds, modes=("aware", "pooled", "opaque")):
    """The rows of a driver whose parts are there."""
    stand = Stand(build, driver.encryptions, modes)
    try:
        lines = output(driver, stand, seconds)
        rows = [row for label in stand.places for row in judge(label, lines)]
        return rows + [Row("stand", "alive", "failed", reason) for reason in stand.dead()]
    finally:
        stand.close()


def output(driver, stand, seconds):
    """What the program printed, by place and scenario."""
    process = subprocess.Popen([str(word) for word in (*driver.argv(), stand.dir / "ca.pem", *stand.words())], text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=open(stand.dir / "program.log", "w"),
                               cwd=stand.dir, env={**os.environ, **driver.environment()})
    try:
        text, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        text, _ = process.communicate()
    found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    if not found:
        raise RuntimeError(f"{driver.name} said nothing: {stand.log('program')}")
    return {(line["place"], line["name"]): line for line in found}


def judge(label, lines):
    direct = label.split()[0] + " direct"
    for name, expected in EXPECTED.items():
        line, before = lines.get((label, name)), lines.get((direct, name))
        if line is None:
            yield Row(label, name, "failed", "the program did not come so far")
        elif "skip" in line:
            yield Row(label, name, "skipped", line["skip"])
        elif "result" not in line:
            yield Row(label, name, "failed", line.get("failed", "no result"))
        elif label != direct and line["result"] != before.get("result"):
            yield Row(label, name, "failed", f"{short(line['result'])}, at the node {short(before.get('result'))}")
        elif line["result"] != expected:
            yield Row(label, name, "failed", f"{short(line['result'])}, expected {short(expected)}")
        else:
            yield Row(label, name, "passed")


def short(result):
    text = json.dumps(result, ensure_ascii=False)
    return text if len(text) < 200 else text[:200] + "..."
