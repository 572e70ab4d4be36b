"""SeCo: evaluation with and without online matching, the choice of T and beta, records."""

import csv
import json
import re
from functools import partial

import pytest
import torch
from seco_learning_parts import Mixes, batch_of, same, state, told, trained_model

from avlib import data, scoring, seco
from avlib.audio import separate_with_mask
from avlib.metrics import bootstrap, bss_eval, paired_bootstrap
from avlib.seco import choose_matching, evaluate, online_match, row_name, step_sizes, train_step
from avlib.seco.losses import WITHOUT_TRUTH
from avlib.seco.passes import pairs_of

LR = 1.0
"""A step that changes masks visibly and does not break them."""


TAPS = 16
"""Of BSS-eval here, instead of 512: `test_scoring` has those."""


@pytest.fixture(scope="module", autouse=True)
def few_taps():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("avlib.scoring.bss_eval", partial(bss_eval, filter_length=TAPS))
        yield


@pytest.fixture(scope="module")
def trained():
    return trained_model()


@pytest.fixture(scope="module")
def batch():
    return batch_of(2000, size=5, kinds=("cello", "flute"))


@pytest.fixture(scope="module")
def found(few_taps, trained, batch):
    """T = 0, 1 and 3 in one pass, three pairs at a time."""
    return evaluate(
        trained.model, Mixes(batch), steps=(0, 1, 3), lr=LR, batch_size=3, progress=False
    )


def scores_of(model, batch, masks, threshold=None):
    """SDR, SIR, SAR of each pair, by hand."""
    front_end = model.cfg.front_end
    waves = separate_with_mask(
        batch["mixture"], masks, front_end.n_fft, front_end.hop,
        pad_mode=front_end.pad_mode, center=front_end.center, threshold=threshold,
    )  # fmt: skip
    return [values.mean(1).tolist() for values in bss_eval(batch["waves"], waves, TAPS)]


# --- evaluation


def test_the_scores_are_those_of_a_plain_loop(trained, batch, found):
    """Every T by itself, pair by pair, from the parts: the one pass gives the same."""
    model = trained.model
    same_estimate = batch["mixture"][:, None].expand_as(batch["waves"])
    mixture = bss_eval(batch["waves"], same_estimate, TAPS).sdr.mean(1).tolist()
    for result in found:
        masks = [
            online_match(model, batch["mixture"][k : k + 1], batch["attributes"][k : k + 1],
                         result.steps, LR)
            for k in range(5)
        ]  # fmt: skip
        expected = scores_of(model, batch, torch.cat(masks))
        own = [row for row in result.pairs if row["row"] == "model"]
        for metric, values in zip(("sdr", "sir", "sar"), expected, strict=True):
            assert [row[metric] for row in own] == pytest.approx(values, abs=2e-3)
        gains = [sdr - base for sdr, base in zip(expected[0], mixture, strict=True)]
        assert [row["sdr_gain"] for row in own] == pytest.approx(gains, abs=2e-3)
        assert result.scores["model"]["sdr_gain"] == bootstrap(
            [row["sdr_gain"] for row in own], ["cello + flute"] * 5
        )
        assert result.groups == {
            "cello + flute": {
                "count": 5,
                "sdr_gain": pytest.approx(result.scores["model"]["sdr_gain"].mean),
            }
        }
        assert list(result.scores) == ["model", *scoring.BASELINES]
        assert (result.count, result.unscorable, result.silent) == (5, (), ())
    assert [result.steps for result in found] == [0, 1, 3]
    first, *_, last = (result.scores["model"]["sdr"].mean for result in found)
    assert abs(first - last) > 0.01  # matching did something


def test_no_matching_is_plain_separation_bit_for_bit(trained, batch, found):
    (plain,) = evaluate(trained.model, Mixes(batch), batch_size=3, progress=False)
    assert plain.pairs == found[0].pairs
    assert plain.loss == found[0].loss
    assert plain.trace == {} == found[0].trace
    with torch.no_grad():
        loss = train_step(trained.model.nets, batch, trained.cfg, 0)["separation"]
    assert plain.loss == pytest.approx(loss.item(), rel=1e-4)
    # also where batch norm is to see the pair itself, which changes what T = 0 of a trace is
    (other,) = evaluate(
        trained.model, Mixes(batch), steps=(1, 0), lr=LR, batch_norm="batch", batch_size=3,
        baselines=False, progress=False,
    )[1:]  # fmt: skip
    assert other.loss == plain.loss
    assert list(other.scores) == ["model", "mixture"]


def test_one_pass_serves_all_and_leaves_the_model_alone(trained, batch, monkeypatch):
    calls = []

    def counted(*args, **options):
        calls.append((len(args[1]), args[3]))
        return online_match(*args, **options)

    monkeypatch.setattr("avlib.seco.passes.online_match", counted)
    before = state(trained.model)
    results = evaluate(
        trained.model, Mixes(batch), steps=(2, 0, 1), lr=LR, batch_size=3, baselines=False,
        progress=False,
    )  # fmt: skip
    assert calls == [(3, 2), (2, 2)]
    assert [result.steps for result in results] == [2, 0, 1]
    assert same(state(trained.model), before)
    assert not trained.model.training
    two, _, one = (result.trace for result in results)
    assert (len(two["losses"]), len(two["norms"])) == (3, 2)
    assert one["losses"] == two["losses"][:2]
    assert one["norms"] == two["norms"][:1]


def test_many_at_once_is_the_same(trained, batch, found):
    results = evaluate(
        trained.model, Mixes(batch), steps=(0, 3), lr=LR, batched=True, baselines=False,
        progress=False,
    )  # fmt: skip
    for one, other in zip(results, (found[0], found[2]), strict=True):
        expected = [row["sdr"] for row in other.pairs if row["row"] == "model"]
        got = [row["sdr"] for row in one.pairs if row["row"] == "model"]
        assert got == pytest.approx(expected, abs=5e-3)


def failing(which):
    """Online matching that loses the L_cs of one pair, known by its mixture."""

    def match(model, mixture, *args, **options):
        if any(torch.equal(one, which) for one in mixture):
            raise FloatingPointError("L_cs of pair 0 is nan after step 1 of size 1")
        return online_match(model, mixture, *args, **options)

    return match


def test_a_pair_that_is_lost_is_named_and_counts_for_no_T(trained, batch, found, monkeypatch):
    monkeypatch.setattr("avlib.seco.passes.online_match", failing(batch["mixture"][1]))
    results = evaluate(
        trained.model, Mixes(batch), steps=(0, 1, 3), lr=LR, batch_size=3, progress=False
    )
    for one, other in zip(results, found, strict=True):
        assert one.unscorable == (
            "pair 1 (a + b): online matching failed: L_cs of pair 0 is nan after step 1 of size 1",
        )
        kept = [row for row in other.pairs if row["pair"] != 1]
        assert [row["pair"] for row in one.pairs] == [row["pair"] for row in kept]
        for mine, theirs in zip(one.pairs, kept, strict=True):
            assert mine["sdr"] == pytest.approx(theirs["sdr"], abs=2e-3)
    assert "1 pairs could not be scored" in results[0].table()


def test_a_threshold_makes_masks_hard(trained, batch):
    (hard,) = evaluate(trained.model, Mixes(batch), threshold=0.5, baselines=False, progress=False)
    masks = trained.model(batch["mixture"], batch["attributes"]).sigmoid()
    expected = scores_of(trained.model, batch, masks, threshold=0.5)[0]
    assert expected != pytest.approx(scores_of(trained.model, batch, masks)[0], abs=0.01)
    got = [row["sdr"] for row in hard.pairs if row["row"] == "model"]
    assert got == pytest.approx(expected, abs=2e-3)
    assert hard.record()["threshold"] == 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": (0, 5)}, "needs a step size: give lr, see seco.choose_matching"),
        ({"steps": (-1,)}, "0 or more"),
        ({"steps": ()}, "0 or more"),
        ({"steps": (1,), "lr": 1.0, "terms": ("inter_truth",)}, "needs the true sounds"),
        ({"steps": (1,), "lr": 1.0, "adapt": ("ears",)}, "no parameter is called so"),
    ],
)
def test_what_cannot_be_done_is_refused(trained, batch, options, message):
    with pytest.raises(ValueError, match=message):
        evaluate(trained.model, Mixes(batch), progress=False, **options)


def test_mixes_without_what_the_model_looks_at_are_refused(trained, batch):
    blind = {key: value for key, value in batch.items() if key != "attributes"}
    with pytest.raises(ValueError, match=r"no attributes: make them with sights=\('attributes',\)"):
        evaluate(trained.model, Mixes(blind), progress=False)


# --- which pairs


@pytest.fixture
def asked(monkeypatch):
    """Tones in the place of stored lists; notes which were asked for, and how."""
    calls = []

    def stored(name, **how):
        calls.append((name, how))
        return Mixes(batch_of(1, size=how["limit"] or 4))

    monkeypatch.setattr("avlib.data.stored_mixes", stored)
    monkeypatch.setattr(
        "avlib.data.seco_mixes", lambda split, n, **how: stored(f"{split} of {n}", **how)
    )
    return calls


def test_a_model_is_judged_by_what_it_never_heard(trained, asked):
    model = trained.model
    assert pairs_of(model, None, 2)[0] == "seco-S1"
    assert pairs_of(model, "seco-S1-validation", 2)[0] == "seco-S1-validation"
    assert pairs_of(model, "seco-S1-N3", 2)[0] == "seco-S1-N3"
    assert [name for name, _ in asked] == ["seco-S1", "seco-S1-validation", "S1 of 3"]
    seen = r"bagpipe, drum, flute, piano, which it was trained on.*take seco-S1,"
    for name in ("seco-S2", "seco-S2-N3"):
        with pytest.raises(ValueError, match=f"'{name}' are not for a model of split S1.*{seen}"):
            pairs_of(model, name, 2)
        # asked for by name it is possible, and stands under another name
        assert pairs_of(model, name, 2, other_categories=True)[0] == f"{name}-by-S1"
    peeking = "banjo, electric bass, guzheng, trumpet, which it holds out.*seco-S1-validation"
    with pytest.raises(ValueError, match=peeking):
        pairs_of(model, "seco-S2-validation", 2)
    with pytest.raises(ValueError, match="unknown list of pairs 'seco-S9'"):
        pairs_of(model, "seco-S9", 2)
    with pytest.raises(ValueError, match="unknown list of pairs"):
        evaluate(model, "seco-S9-N3", progress=False)


@pytest.mark.parametrize("split", list(data.SPLITS))
def test_nothing_is_chosen_by_categories_that_are_held_out(split):
    """The stored lists themselves, for every split, of its model and of its rehearsal's."""
    unheard = data.category_split(split)[1]
    fold = f"{split}-fold"
    allowed = {name for name in data.PAIR_LISTS if name.startswith("seco")}
    allowed &= {name for name in allowed if not set(data.pair_list(name).categories) & set(unheard)}
    assert allowed >= {f"seco-{split}-validation", f"seco-{fold}", f"seco-{fold}-validation"}
    assert not {f"seco-{one}" for one in data.SPLITS} & allowed
    for model in (seco.SeCo(told(split=split)), seco.SeCo(told(split=fold))):
        for name in [n for n in data.PAIR_LISTS if n.startswith("seco") and n not in allowed]:
            with pytest.raises(ValueError, match="it holds out, and whatever is chosen by them"):
                choose_matching(model, name, limit=2, progress=False)
        for name in allowed:
            _, mixes = pairs_of(model, name, None, choosing=True)
            assert not {entry.categories[0] for entry in mixes.source.entries} & set(unheard)
        with pytest.raises(ValueError, match=f"{unheard[0]!r}, which split {split} holds out"):
            choose_matching(model, Mixes(batch_of(0), unheard), progress=False)
    model = seco.SeCo(told(split=split))
    with pytest.raises(ValueError, match=f"{unheard[0]!r}, which split {split} holds out"):
        choose_matching(model, Mixes(batch_of(0), unheard), progress=False)


def test_a_rehearsal_is_judged_by_what_it_never_heard():
    model = seco.SeCo(told(split="S1-fold"))
    name, mixes = pairs_of(model, None, None)
    assert name == "seco-S1-fold"
    heard = set(data.category_split("S1-fold")[0])
    assert not {entry.categories[0] for entry in mixes.source.entries} & heard
    assert {entry.split for entry in mixes.source.entries} == {"validation"}
    with pytest.raises(ValueError, match=r"accordion.*which it was trained on.*take seco-S1,"):
        pairs_of(seco.SeCo(told(split="S1")), "seco-S1-fold", 2)
    # What the whole split holds out is new to it as well, and is never a row of the tables.
    assert pairs_of(model, "seco-S1", 2)[0] == "seco-S1-by-S1-fold"
    assert pairs_of(model, "seco-S1-N3", 2)[0] == "seco-S1-N3-by-S1-fold"
    assert pairs_of(model, "seco-S1-fold-validation", 2)[0] == "seco-S1-fold-validation"


def test_a_rehearsal_fits_its_model_or_is_refused():
    cfg = told(split="S2")
    seco.check_rehearsal(told(split="S2-fold"), cfg)
    other_run = told(split="S2-fold", consistency="inter", seed=3, steps=7)
    seco.check_rehearsal(other_run, cfg)
    for rehearsal, model, message in (
        (told(split="S1-fold"), cfg, "one of S2-fold, not of S1-fold: avlib train seco --split"),
        (cfg, cfg, "one of S2-fold, not of S2:"),
        (told(split="S2-fold", distance="sum"), cfg, "distance: sum instead of mean"),
        (seco.pocket("skeleton", "S2-fold"), cfg, "another model .*modality: skeleton instead"),
        (told(split="S2-fold"), told(split="S2-fold"), "itself a rehearsal, of S2"),
    ):
        with pytest.raises(ValueError, match=message):
            seco.check_rehearsal(rehearsal, model)


def test_noise_is_that_of_the_model_or_as_asked(asked):
    for noise in (None, "estimator"):
        cfg = told().changed(modality="skeleton", joint_widths=(8,) * 11, joint_noise=noise)
        model = seco.SeCo(cfg)
        pairs_of(model, None, 2)
        assert asked[-1][1]["joint_noise"] == (None if noise is None else data.ESTIMATOR)
        pairs_of(model, None, 2, joint_noise="estimator")
        assert asked[-1][1]["joint_noise"] == data.ESTIMATOR
        assert asked[-1][1]["sights"] == ("joints",)
    pairs_of(seco.SeCo(told()), None, 2, joint_noise="estimator")  # what is told is never noisy
    assert asked[-1][1]["joint_noise"] is None


# --- names and records


def test_rows_are_named_by_what_differs():
    both = told()
    assert row_name(both) == "seco-both-attributes"
    assert row_name(both, 10) == "seco-both-attributes-T10"
    assert row_name(both.changed(train_encoder=False)) == "seco-both-attributes-frozen-encoder"
    assert row_name(both.changed(distance="sum"), 1) == "seco-both-attributes-sum-distance-T1"
    assert row_name(both.changed(encoder_input="log_masked")) == "seco-both-attributes-log-masked"
    none = both.changed(consistency="none", train_encoder=False)
    assert row_name(none) == "seco-none-attributes"
    assert row_name(none, 5) == "seco-none-attributes-untrained-encoder-T5"
    joints = both.changed(modality="skeleton", joint_widths=(8,) * 11)
    assert row_name(joints) == "seco-both-skeleton"
    assert row_name(joints, 2, "estimator") == "seco-both-skeleton-noisy-test-T2"
    noisy = joints.changed(joint_noise="estimator")
    assert row_name(noisy) == row_name(noisy, 0, "estimator") == "seco-both-skeleton-noisy"


def test_records_say_what_was_done(trained, asked, tmp_path):
    seco.save(trained.model, tmp_path / "model", {})
    model = seco.load(tmp_path / "model")
    choice = {"lr": LR, "steps": 1}
    results = evaluate(model, steps=(0, 1), lr=LR, limit=3, chosen=choice, progress=False)
    paths = [result.write(tmp_path) for result in results]
    start = "--seco-S1--pocket--seed0--first3.json"
    assert [path.name for path in paths] == [
        f"seco-both-attributes{start}", f"seco-both-attributes-T1{start}",
    ]  # fmt: skip
    assert {path.parent for path in paths} == {tmp_path / "seco"}
    plain, matched = (json.loads(path.read_text()) for path in paths)
    wanted = "table row data preset seed scores count seconds device config versions commit"
    for record in (plain, matched):
        assert set(wanted.split()) <= set(record)
        assert (record["table"], record["data"], record["limit"]) == ("seco", "seco-S1", 3)
        assert record["checkpoint"] == model.loaded[0]
        assert record["weights"] == model.fingerprint()
        assert record["joint_noise"] is None
        assert set(record["baselines"]) == set(scoring.BASELINES)
    assert (plain["steps"], plain["matching"]) == (0, None)
    assert matched["matching"] == {
        "lr": LR, "terms": list(WITHOUT_TRUTH), "adapt": ["sight", "separator", "encoder"],
        "batch_norm": "eval", "batched": False, "chosen": choice,
    }  # fmt: skip
    assert len(matched["trace"]["losses"]) == 2
    with paths[1].with_suffix(".csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 4
    assert float(rows[0]["sdr"]) == pytest.approx(results[1].pairs[0]["sdr"], abs=1e-4)
    results[1].write(tmp_path)  # the same once more
    (other,) = evaluate(model, steps=(1,), lr=2 * LR, limit=3, progress=False)
    with pytest.raises(FileExistsError, match=r"T1--.*\(matching differ"):
        other.write(tmp_path)
    assert "L_cs from" in results[1].table()
    assert re.search(r"of the model, flute \+ tuba: gain -?\d", results[0].table())


# --- choosing T and beta


def test_step_sizes_fit_the_distance():
    """The mean is the sum divided by the number of features, and so are its gradients."""
    cfg = told()
    assert step_sizes(seco.SeCo(cfg), (0.5,)) == (0.5 * cfg.features,)
    assert step_sizes(seco.SeCo(cfg.changed(distance="sum")), (0.5,)) == (0.5,)


def test_the_same_step_with_either_distance(batch):
    """With margins that never close, a fitted beta takes the same step under both distances."""
    masks = []
    for kind, margin in (("mean", 1.0), ("sum", 100.0)):
        model = seco.SeCo(told(distance=kind, margin=margin)).double().eval()
        (lr,) = step_sizes(model, (0.01,))
        mixture, seen = batch["mixture"].double(), batch["attributes"].double()
        masks.append(online_match(model, mixture, seen, 2, lr))
        if kind == "mean":
            plain = online_match(model, mixture, seen, 0, lr)
    torch.testing.assert_close(*masks, atol=1e-9, rtol=0)
    assert (masks[0] - plain).abs().max() > 1e-6


def test_the_best_cell_of_the_grid_is_chosen(trained, batch):
    sizes = (0.1, 1.0)
    choice = choose_matching(trained.model, Mixes(batch), steps=(1, 2), sizes=sizes, progress=False)
    assert [(cell["lr"], cell["steps"]) for cell in choice.grid] == [
        (0.1, 1), (0.1, 2), (1.0, 1), (1.0, 2),
    ]  # fmt: skip
    passes = {
        lr: evaluate(
            trained.model, Mixes(batch), steps=(0, 1, 2), lr=lr, baselines=False, progress=False
        )
        for lr in sizes
    }
    for cell in choice.grid:
        plain, result = passes[cell["lr"]][0], passes[cell["lr"]][cell["steps"]]
        own, before = (
            [row["sdr"] for row in one.pairs if row["row"] == "model"] for one in (result, plain)
        )
        gain = result.scores["model"]["sdr_gain"].mean
        assert cell["sdr_gain"] == pytest.approx(gain, abs=1e-4)
        better = paired_bootstrap(own, before, ["cello + flute"] * 5)
        assert cell["better"] == pytest.approx(tuple(better), abs=1e-4)
        losses, norms = result.trace["losses"], result.trace["norms"]
        assert cell["loss_change"] == pytest.approx(losses[-1] - losses[0], abs=1e-6)
        assert cell["step_norm"] == pytest.approx(sum(norms) / len(norms), rel=1e-4)
        assert cell["failed"] == 0
    best = max(choice.grid, key=lambda cell: cell["sdr_gain"])
    assert choice.lr == best["lr"]
    helps = best["sdr_gain"] > passes[0.1][0].scores["model"]["sdr_gain"].mean
    assert choice.steps == (best["steps"] if helps else 0)
    assert (choice.pairs, choice.count) == ("Listed", 5)
    json.dumps(choice.record())
    assert "beta" in choice.table()


def test_a_step_size_that_loses_a_pair_is_not_chosen(trained, batch, monkeypatch):
    def match(model, mixture, seen, steps, lr, **options):
        if lr == 0.1:
            return failing(batch["mixture"][0])(model, mixture, seen, steps, lr, **options)
        return online_match(model, mixture, seen, steps, lr, **options)

    monkeypatch.setattr("avlib.seco.passes.online_match", match)
    choice = choose_matching(
        trained.model, Mixes(batch), steps=(1,), sizes=(0.1, 30.0), progress=False
    )
    assert choice.lr == 30.0
    assert [cell["failed"] for cell in choice.grid] == [1, 0]
    assert choice.count == 5
    with pytest.raises(ValueError, match="L_cs was lost with every step size"):
        choose_matching(trained.model, Mixes(batch), steps=(1,), sizes=(0.1,), progress=False)
    mute = batch | {"waves": torch.zeros_like(batch["waves"])}
    with pytest.raises(ValueError, match=r"not one of the 5 pairs of .* can be scored.*silent"):
        choose_matching(trained.model, Mixes(mute), steps=(1,), sizes=(30.0,), progress=False)
    with pytest.raises(ValueError, match="0 or more"):
        choose_matching(trained.model, Mixes(batch), steps=(-1,), progress=False)
    with pytest.raises(ValueError, match="nothing to choose from"):
        choose_matching(trained.model, Mixes(batch), steps=(0,), progress=False)


def test_where_matching_does_harm_none_is_chosen(trained, batch):
    choice = choose_matching(
        trained.model, Mixes(batch), steps=(2,), sizes=(200.0,), progress=False
    )
    assert choice.grid[0]["better"][0] < 0
    assert (choice.steps, choice.lr) == (0, 200.0)


@pytest.mark.parametrize(
    ("consistency", "terms"),
    [
        ("none", ("inter_positive", "inter_negative", "intra_negative")),
        ("inter", ("inter_positive", "inter_negative")),
        ("intra", ("intra_negative",)),
        ("both", ("inter_positive", "inter_negative", "intra_negative")),
    ],
)
def test_matching_has_the_terms_that_were_learned_from(batch, consistency, terms):
    model = seco.SeCo(told(consistency=consistency)).eval()
    short = {"baselines": False, "progress": False}
    (own,) = evaluate(model, Mixes(batch), steps=(1,), lr=LR, **short)
    (given,) = evaluate(model, Mixes(batch), steps=(1,), lr=LR, terms=terms, **short)
    assert own.about["matching"]["terms"] == terms
    assert own.pairs == given.pairs
    choice = choose_matching(model, Mixes(batch), steps=(1,), sizes=(LR,), progress=False)
    assert choice.matching.terms == terms


@pytest.mark.parametrize("name", ["seco-S1", "seco-S1-validation", "seco-S1-N3"])
@pytest.mark.parametrize("expression", [0.0, 0.5])
def test_a_model_is_shown_players_who_move_as_in_its_training(name, expression):
    model = seco.SeCo(told(expression=expression, transpose=9))
    _, mixes = pairs_of(model, name, 2, choosing=name.endswith("validation"))
    entries = mixes.source.entries[:4]
    assert {(e.expression, e.transpose) for e in entries} == {(expression, 0)}
