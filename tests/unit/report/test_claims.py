"""The article's table: hand-written records that turn each claim round, and the words that must turn with them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.analysis.groups import group_by_condition
from bench.analysis.pairwise import decide_pairs
from bench.probes.registry import PROBES
from bench.records.probes import ProbeRecord, load_probes, save_probe
from bench.records.schema import Run
from bench.records.storage import load_predictions, load_runs
from bench.report import render
from bench.report.elements.probe_results import ProbeResult, collect_results, difference
from bench.report.sections import claims
from bench.report.sections.claims import EvaluatedClaim
from tests.support.factories import MACHINE, make_probe
from tests.support.results import build_results

WOBBLE = (0.0, 0.002, -0.002, 0.0)
"""How far each seed is from the mean, in every number."""


class Ledger:
    """Records of hand-written runs below a folder; keyword arguments of the methods are by model."""

    def __init__(self, folder: Path, seeds: int = 4, **accuracies: float) -> None:
        self.folder = folder
        wobbling = {model: [accuracy + wobble for wobble in WOBBLE[:seeds]] for model, accuracy in accuracies.items()}
        self.runs: dict[str, list[Run]] = {}
        for run in build_results(folder, wobbling):
            self.runs.setdefault(run.trial.model, []).append(run)

    def distortion(self, **by_model: dict[str, float]) -> None:
        for model, accuracies in by_model.items():
            for run, wobble in zip(self.runs[model], WOBBLE, strict=False):
                tilt = wobble * (model == "cnn")
                self._save(make_probe(run, clean=0.9, **{name: value + tilt for name, value in accuracies.items()}))

    def permutation(self, seeds: int = 4, **losses: float) -> None:
        for model, loss in losses.items():
            for run, wobble in list(zip(self.runs[model], WOBBLE, strict=False))[:seeds]:
                answer = {"ordered": 0.95, "permuted": 0.95 - loss - wobble, "ordered_alone": loss + 0.01}
                self._save(make_probe(run, "permutation", train_images=60_000, **answer, permuted_alone=0.01))

    def features(self, seeds: int = 4, hog: float = 0.97, **gains: float) -> None:
        for model, gain in gains.items():
            for run, wobble in list(zip(self.runs[model], WOBBLE, strict=False))[:seeds]:
                answer = {"random": 0.9, "trained": 0.9 + gain + wobble, "random_alone": 0.01, "dimension": 128.0}
                answer["trained_alone"] = max(0.0, 0.01 + gain)
                self._save(make_probe(run, "features", train_images=60_000, **answer))
        for run in self.runs.get("softmax", [])[:seeds]:
            answer = {"pixels": 0.92, "hog": hog, "pixels_dimension": 784.0, "hog_dimension": 1296.0}
            self._save(make_probe(run, "features", train_images=60_000, **answer))

    def _save(self, record: ProbeRecord) -> None:
        save_probe(self.folder, record)

    def claims(self) -> dict[str, EvaluatedClaim]:
        runs = load_runs(self.folder)[0]
        comparison = group_by_condition(runs)[0]
        stored = {run.stem: predictions for run in runs if (predictions := load_predictions(self.folder, run))}
        answers = {probe: collect_results(comparison, probe, load_probes(self.folder)[0]) for probe in PROBES}
        evidence = claims.collect_evidence(comparison, decide_pairs(comparison, stored), answers)
        assert evidence is not None
        return {claim.aspect: claims.evaluate_claim(claim, evidence) for claim in claims.CLAIMS}


@pytest.mark.parametrize(
    ("mlp", "cnn", "state", "words"),
    [
        (0.96, 0.99, "holds", "Taking the image as an image pays: cnn > mlp by 3.00 points"),
        (0.99, 0.96, "does not hold", "Taking the image as an image does not pay: mlp > cnn by 3.00 points"),
        (0.98, 0.98, "cannot tell", "cannot be told: "),
    ],
)
def test_the_claim_on_the_input_follows_accuracy(
    tmp_path: Path, mlp: float, cnn: float, state: str, words: str
) -> None:
    claim = Ledger(tmp_path, mlp=mlp, cnn=cnn).claims()["input"]
    assert claim.state == state
    assert words in claim.finding.sentences[0]
    assert claim.finding.cells["mlp"].startswith(f"{100 * mlp:.2f}"[:5])


@pytest.mark.parametrize(
    ("matched", "words"),
    [
        (0.96, "It is not only more parameters: mlp_matched, with 421,360 of them where the CNN has 421,642"),
        (0.99, "It may be only more parameters"),
        (0.998, "More parameters do as much"),
    ],
)
def test_the_control_says_whether_it_is_only_more_parameters(tmp_path: Path, matched: float, words: str) -> None:
    claim = Ledger(tmp_path, seeds=3, mlp=0.95, cnn=0.99, mlp_matched=matched).claims()["input"]
    assert words in claim.finding.sentences[1]
    assert claim.finding.cells["mlp_matched"].startswith(f"{100 * matched:.2f}")


@pytest.mark.parametrize(
    ("mlp", "cnn", "state", "why"),
    [
        (0.0, 0.03, "holds", "the CNN loses, the MLP does not, as far as can be told"),
        (0.02, 0.03, "holds in part", "both lose"),
        (0.0, 0.0, "cannot tell", "the CNN's loss is within its error"),
        (0.0, -0.03, "does not hold", "the CNN gains"),
    ],
)
def test_the_claim_on_structure_follows_what_permuted_pixels_cost(
    tmp_path: Path, mlp: float, cnn: float, state: str, why: str
) -> None:
    ledger = Ledger(tmp_path, mlp=0.96, cnn=0.99)
    ledger.permutation(mlp=mlp, cnn=cnn)
    claim = ledger.claims()["spatial structure"]
    assert (claim.state, claim.why) == (state, why)
    assert f"the CNN loses {100 * cnn:.2f}"[:24] in claim.finding.sentences[0]


ALL_BETTER = {"fog": 0.8, "zigzag": 0.7, "stripe": 0.6}
ALL_WORSE = {"fog": 0.7, "zigzag": 0.6, "stripe": 0.5}
MIXED = {"fog": 0.9, "zigzag": 0.8, "stripe": 0.45}
SAME = {"fog": 0.7005, "zigzag": 0.6, "stripe": 0.4995}


@pytest.mark.parametrize(
    ("mlp", "cnn", "state", "words"),
    [
        (ALL_WORSE, ALL_BETTER, "holds", "One by one, with 4 seeds, it is ahead on 3."),
        (ALL_BETTER, ALL_WORSE, "does not hold", "it is behind on 3"),
        (ALL_WORSE, MIXED, "holds in part", "The CNN came out no better on 1 of them (stripe -5.0)."),
        (ALL_WORSE, SAME, "cannot tell", "not told apart on 3"),
    ],
)
def test_the_claim_on_distortion_follows_the_corruptions(
    tmp_path: Path, mlp: dict[str, float], cnn: dict[str, float], state: str, words: str
) -> None:
    ledger = Ledger(tmp_path, mlp=0.96, cnn=0.99)
    ledger.distortion(mlp=mlp, cnn=cnn)
    claim = ledger.claims()["distortion"]
    assert claim.state == state
    assert words in " ".join(claim.finding.sentences)


@pytest.mark.parametrize(
    ("mlp", "cnn", "state", "why"),
    [
        (0.0, 0.05, "holds", "the CNN learns its features, the MLP not as far as can be told"),
        (0.1, 0.05, "holds in part", "the CNN learns its features, and so does the MLP"),
        (0.1, 0.0, "cannot tell", "the CNN's gain is within its error"),
        (0.1, -0.05, "does not hold", "training makes the CNN's features worse"),
    ],
)
def test_the_claim_on_features_follows_what_training_adds(
    tmp_path: Path, mlp: float, cnn: float, state: str, why: str
) -> None:
    ledger = Ledger(tmp_path, mlp=0.96, cnn=0.99)
    ledger.features(mlp=mlp, cnn=cnn)
    claim = ledger.claims()["features"]
    assert (claim.state, claim.why) == (state, why)
    assert f"from 90.00 % to {90 + 100 * cnn:.2f}"[:18] in claim.finding.sentences[0]


@pytest.mark.parametrize(
    ("hog", "words"), [(0.93, "of the CNN and the MLP"), (0.97, "of the CNN."), (0.99, "more than either")]
)
def test_designed_features_are_ranked_among_the_learnt(tmp_path: Path, hog: float, words: str) -> None:
    ledger = Ledger(tmp_path, softmax=0.92, mlp=0.96, cnn=0.99)
    ledger.features(hog=hog, mlp=0.05, cnn=0.08)
    assert words in ledger.claims()["features"].finding.sentences[1]


def test_with_too_few_seeds_nothing_is_claimed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, seeds=2, mlp=0.96, cnn=0.99)
    ledger.distortion(mlp=ALL_WORSE, cnn=ALL_BETTER)
    ledger.permutation(seeds=1, mlp=0.0, cnn=0.03)
    evaluated = ledger.claims()
    assert {name: claim.state for name, claim in evaluated.items()} == {
        "input": "cannot tell",
        "spatial structure": "cannot tell",
        "distortion": "cannot tell",
        "features": "not measured",
    }
    assert all("too few seeds" in evaluated[name].why for name in ("input", "spatial structure", "distortion"))


def test_the_total_is_counted_in_words() -> None:
    def total(*states: str) -> str:
        return claims.count_states(states)

    assert total("holds", "holds", "holds", "holds") == "Of the article's four claims 4 hold."
    expected = "Of the article's four claims 1 holds, 2 cannot be told and 1 was not measured."
    assert total("cannot tell", "not measured", "holds", "cannot tell") == expected
    assert total("holds in part", "does not hold", "holds", "holds").endswith(
        "2 hold, 1 holds in part and 1 does not hold."
    )


def test_a_gap_says_what_its_interval_is_over(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, mlp=0.96)
    ledger.permutation(seeds=1, mlp=0.03)
    result = only(tmp_path, "permutation")
    retrained = difference(result, "ordered", "permuted", retrained=True)
    # the accuracies of four seeds: s = 0.00163299; t(3) = 3.182446; times sqrt(2) for a difference
    assert retrained.interval.low == pytest.approx(0.03 - 3.182446 * 0.00163299 * np.sqrt(2), abs=1e-5)
    assert (retrained.over, retrained.judged) == ("the spread of 4 seeds", True)
    over_images = difference(result, "ordered", "permuted")
    # shares 0.04 and 0.01 of 10,000: variance (0.05 - 0.0009) / 10,000
    assert over_images.interval.high == pytest.approx(0.03 + 1.959964 * np.sqrt(0.0491 / 10_000), abs=1e-6)
    assert (over_images.over, over_images.judged) == ("test images alone", False)
    ledger.permutation(seeds=4, mlp=0.03)
    over_seeds = difference(only(tmp_path, "permutation"), "ordered", "permuted", retrained=True)
    assert over_seeds.over == "4 seeds"
    assert over_seeds.interval.low == pytest.approx(0.03 - 3.182446 * 0.00163299 / 2, abs=1e-5)


def only(folder: Path, probe: str) -> ProbeResult:
    (result,) = collect_results(group_by_condition(load_runs(folder)[0])[0], probe, load_probes(folder)[0])
    return result


def test_answers_of_another_size_are_not_mixed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, mlp=0.96)
    ledger.permutation(mlp=0.03)
    small = make_probe(ledger.runs["mlp"][0], "permutation", train_images=3000, images=500, later=9, ordered=0.1)
    save_probe(tmp_path, small)
    result = only(tmp_path, "permutation")
    assert (result.seeds, result.train_images, result.images) == ((0, 1, 2, 3), 60_000, 10_000)


def test_the_page_opens_with_the_table_and_links_to_where_its_numbers_are(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, softmax=0.92, mlp=0.96, cnn=0.99)
    ledger.distortion(softmax=ALL_WORSE, mlp=ALL_WORSE, cnn=MIXED)
    ledger.permutation(softmax=0.0, mlp=0.0, cnn=0.03)
    ledger.features(mlp=0.05, cnn=0.08)
    page = render(tmp_path).page.read_text()
    assert page.index("The article's table, measured") < page.index("### Accuracy")
    assert "**Of the article's four claims 2 hold and 2 hold in part.**" in page
    for name in ("accuracy", "structure", "distortion", "features"):
        (line,) = [line for line in page.splitlines() if f"-{name})" in line and line.startswith("|")]
        target = line.rpartition("(#")[2].partition(")")[0]
        assert f'<a id="{target}"></a>' in page
        assert line.count("|") == 8


def test_the_table_is_a_csv_file_too(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, mlp=0.96, cnn=0.99)
    ledger.permutation(mlp=0.0, cnn=0.03)
    render(tmp_path)
    table = pd.read_csv(tmp_path / "tables" / "claims.csv").set_index("in the article")
    assert list(table.index) == ["input", "spatial structure", "distortion", "features"]
    assert table.loc["spatial structure", "cnn"].startswith("3.00")
    assert table.loc["spatial structure", "verdict"].startswith("holds")
    assert list(table["verdict"][2:]) == ["not measured", "not measured"]


def test_without_both_models_there_is_no_table(tmp_path: Path) -> None:
    Ledger(tmp_path, softmax=0.92, cnn=0.99)
    assert "article's table" not in render(tmp_path).page.read_text()


def test_of_two_devices_the_newer_is_judged_and_named(tmp_path: Path) -> None:
    for device, later, cnn in (("cpu", 0.0, 0.99), ("cuda", 9000.0, 0.95)):
        build_results(tmp_path, {"mlp": 0.97, "cnn": cnn}, seeds=3, later=later, device=device)
    page = render(tmp_path).page.read_text()
    assert f"Measured on {MACHINE.name} (cuda)." in page
    assert "does not hold: mlp > cnn by 2.00 points" in page
