"""The benchmark's page and comparison are made of figures alone; here of figures that nobody measured."""

from pathlib import Path
from typing import Any

import pytest

from bench import comparison, page, results
from bench.sections import SECTIONS
from bench.targets import TARGETS
from tests import benchmark_figures


@pytest.fixture
def known() -> results.Results:
    return benchmark_figures.results()


def test_the_page_names_contenders_that_failed_and_sections_that_did(known, tmp_path):
    """Nobody takes a figure that is missing for one that was good."""
    text = page.write(known, tmp_path / "benchmarks").read_text()

    assert (
        "| a peer that stops | did not count: Draining 100 orders: 7 were in PostgreSQL after 180 s." in text
    )
    assert "**It failed**: it ended with 1. The end of what it said: … no space left" in text
    assert "| a stream framework | no, not installed |" in text
    assert "without figures: " in text
    assert "`--only disk`" in text


def test_the_page_shows_the_plots_that_were_drawn(known, tmp_path):
    """A link to a plot without a file would be a broken picture."""
    text = page.write(known, tmp_path / "benchmarks").read_text()

    drawn = {file.name for file in (tmp_path / "benchmarks").glob("*.svg")}
    assert drawn == {"throughput.svg", "floors.svg", "latency.svg"}
    assert all(f"(benchmarks/{name})" in text for name in drawn)


def test_the_same_figures_make_the_same_files(known, tmp_path):
    """A page that is made again differs where figures do, and nowhere else."""
    written = [
        {
            file.name: file.read_bytes()
            for file in page.write(known, tmp_path / name).with_suffix("").iterdir()
        }
        for name in ("one", "two")
    ]
    assert written[0] == written[1]


def test_a_plot_of_earlier_figures_goes_when_they_are_gone(known, tmp_path):
    page.write(known, tmp_path / "benchmarks")
    del known["sections"]["floors"]
    page.write(known, tmp_path / "benchmarks")

    assert not (tmp_path / "benchmarks" / "floors.svg").exists()


def test_targets_are_judged_by_the_figures(known):
    """Reached, missed, and not measured; a contender of weaker guarantees is no measure of equal ones."""
    verdicts = {target.text: target.verdict(known) for target in TARGETS}

    def of(start: str) -> tuple[str, bool | None]:
        return next((one.value, one.is_reached) for text, one in verdicts.items() if text.startswith(start))

    assert of("at least 0.5 of") == ("0.40", False)
    assert of("at least 3 ×") == ("15.00 start included; 18.75 once ours is warm", True)
    assert of("orders per core-second: at least 1.0") == ("1.20 (best of 1: by hand, equal guarantees)", True)
    assert of("latency at 1,000 orders/s: p95 no worse")[1] is False
    assert of("latency at 1,000 orders/s, Airflow") == ("4.10 s, at most 5 s", True)
    assert of("memory is flat") == ("", None)


def judged(text: str, section: str, figures: dict[str, Any]) -> tuple[str, str]:
    target = next(one for one in TARGETS if one.text.startswith(text))
    verdict = target.verdict({"sections": {section: {"found": figures}}})
    return verdict.word, verdict.value


def test_what_shrinks_does_not_hide_what_grows():
    """Memory is flat when that of each part is."""
    slopes = {"driver, Python": 24.0, "driver, Java": -67.0, "all": -20.0}
    figures = {"memory": {part: {"slope": slope} for part, slope in slopes.items()}}
    word, value = judged("memory is flat", "soak", figures)
    assert (word, "driver's Python +24" in value) == ("missed", True)
    figures["memory"]["driver, Python"]["slope"] = 0.4
    assert judged("memory is flat", "soak", figures)[0] == "reached"


@pytest.mark.parametrize(
    ("least", "middle", "most", "word"),
    [
        (0.77, 0.854, 1.0, "too close to say"),
        (0.86, 0.88, 0.9, "reached"),
        (0.82, 0.95, 1.0, "reached"),
        (0.7, 0.75, 0.8, "missed"),
    ],
)
def test_turns_on_both_sides_of_a_target_do_not_decide_it(least, middle, most, word):
    figures = {"ratio": {"min": least, "median": middle, "max": most}}
    assert judged("a cluster of two workers", "scale", figures)[0] == word


@pytest.mark.parametrize(
    "figures", [{"rows": [], "contenders": {}}, {"looks": []}, {"orders": {}, "commits": {}}]
)
def test_what_a_section_lacks_is_not_measured(known, figures):
    """A quick run has a part of a section only, and contenders fail."""
    for target in TARGETS:
        known["sections"][target.section] = benchmark_figures.done(figures)

    assert {target.verdict(known).word for target in TARGETS} == {"not measured"}


def test_a_ratio_that_changed_is_reported(known):
    """More than noise explains, in either direction; and what is missing is no change."""
    slower = benchmark_figures.results()
    contenders = slower["sections"]["throughput"]["found"]["contenders"]
    contenders["saleslake"]["orders_per_core_second"]["median"] /= 2
    del slower["sections"]["latency"]

    rows = comparison.compared(known, slower)
    unlike = {row.name: row.change for row in rows if row.is_unlike}
    missing = [row for row in rows if row.now is None]

    assert set(unlike.values()) == {0.5}
    assert len(unlike) == 4
    assert missing
    assert all(row.change is None for row in missing)
    assert "WARNING: 4 of" in comparison.told(rows)


def test_equal_figures_warn_of_nothing(known):
    rows = comparison.compared(known, known)

    assert {row.change for row in rows} == {1.0}
    assert "WARNING" not in comparison.told(rows)


def test_results_of_another_machine_are_not_added_to(known, tmp_path):
    """Figures of two machines on one page would be compared."""
    results.write(tmp_path, known)
    elsewhere = {"machine": known["machine"] | {"cores": 64}, "versions": {}, "peers": {}}

    with pytest.raises(results.ResultsError, match="of another machine"):
        results.begun(tmp_path, elsewhere, keeps=True)
    assert results.begun(tmp_path, elsewhere, keeps=False)["sections"] == {}


def test_results_that_are_kept_are_there_for_the_next_section(known, tmp_path):
    results.write(tmp_path, known)
    facts = {name: known[name] for name in ("machine", "versions", "peers")}

    assert results.begun(tmp_path, facts, keeps=True) == results.read(tmp_path / results.FILE)


@pytest.mark.parametrize("text", ["", "[]", "{}"])
def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text)

    with pytest.raises(results.ResultsError, match="Name a file that"):
        results.read(tmp_path / "results.json")


def test_promises_stand_beside_what_became_of_them(known, tmp_path):
    """Who stopped, who was wrong and who was right on faulty traffic; and where nobody looked."""
    unknown = page.write(known, tmp_path / "benchmarks").read_text()
    rows = {
        "saleslake": {"orders_wrong": 0, "cents_wrong": 0},
        "full": {"orders_wrong": 0, "cents_wrong": 0, "stopped": "it ended with 1"},
        "stream": {"orders_wrong": 12, "cents_wrong": 3_400},
    }
    known["sections"]["correctness"] = benchmark_figures.done({"contenders": rows})
    known["sections"]["correctness"]["found"] |= {"records": 100, "orders": 95, "cents": 1_000}
    for one in rows.values():
        one |= {"title": "", "orders_more": 0, "cents_more": 0}
    text = page.write(known, tmp_path / "benchmarks").read_text()

    assert "| Saleslake | every rule | counted once | kept | yes | all | not measured |" in unknown
    assert "| Saleslake | every rule | counted once | kept | yes | all | none |" in text
    assert "| yes | all | stopped at a broken record |" in text
    assert "| all | 12 orders, 3,400 cents |" in text


def test_the_page_warns_of_a_busy_machine(known, tmp_path):
    """Nobody should believe times that others' work made."""
    assert "machine was busy" not in page.write(known, tmp_path / "benchmarks").read_text()

    known["sections"]["floors"]["load_before"] = 3.0
    assert "machine was busy" in page.write(known, tmp_path / "benchmarks").read_text()


def test_quick_runs_are_compared_with_a_quick_run() -> None:
    """Ratios of a full one are others; each section that a quick run has must be in the committed one."""
    known = results.read(results.QUICK_BASELINE)
    measured = {name for name, one in known["sections"].items() if one["mode"] == "quick" and "found" in one}
    assert measured == {name for name, one in SECTIONS.items() if one.is_part_of("quick")}
    rows = comparison.compared(known, known)
    assert len(rows) > 6
    assert not any(row.is_unlike for row in rows)
