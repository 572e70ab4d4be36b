import pytest
import torch
from check_cases import checks_of, confirm
from torch import nn

from avlib import check
from avlib.nets import resnet18


@pytest.mark.parametrize("name", checks_of("vision"))
def test_right_passes_and_every_known_mistake_gets_its_hint(name):
    confirm(name)


def first_rule_only(rows):
    return rows[rows[:, 2] > 0.9]


def share_of_the_smaller(rows):
    """Overlap by the smaller area instead of the union."""
    keep = []
    for row in sorted(rows[rows[:, 2] > 0.9].tolist(), key=lambda row: -row[2]):
        fine = True
        for other in keep:
            wide = max(min(row[5], other[5]) - max(row[3], other[3]), 0)
            high = max(min(row[6], other[6]) - max(row[4], other[4]), 0)
            areas = [(r[5] - r[3]) * (r[6] - r[4]) for r in (row, other)]
            if row[0] == other[0] and row[1] != other[1] and wide * high > 0.7 * min(areas):
                fine = False
        if fine:
            keep.append(row)
    best = {c: max(r[2] for r in keep if r[1] == c) for c in {r[1] for r in keep}}
    top = sorted(best, key=lambda c: -best[c])[:2]
    return torch.tensor([row for row in keep if row[1] in top])


# mistakes that no list knows, and the stage at which each must be caught
OTHERS = {
    "output_size": [
        ("shape", lambda n, k, s, p, d: (n, n)),
        ("range", lambda n, k, s, p, d: -n),
        ("limits", lambda n, k, s, p, d: n // s),
        ("limits", lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) / s + 1),  # 3 / 2 + 1
    ],
    "receptive_field": [
        ("shape", lambda layers: 3),
        ("limits", lambda layers: (3, 2)),
        ("limits", lambda layers: (check.vision._receptive_field(layers)[0], 1)),
    ],
    "class_activation_map": [
        ("shape", lambda features, weights, k: torch.einsum("kc,chw->khw", weights, features)),
        (
            "limits",
            lambda features, weights, k: (weights[k].abs()[:, None, None] * features).sum(0),
        ),
        (
            "value",
            lambda features, weights, k: (weights[k][:, None, None] * features.flip(-1)).sum(0),
        ),
    ],
    "map_iou": [
        ("shape", lambda heatmap, boxes, share: heatmap > share),
        ("range", lambda heatmap, boxes, share: (heatmap > share * heatmap.max()).sum()),
        ("limits", lambda heatmap, boxes, share: 0.5),
        (
            "value",
            lambda heatmap, boxes, share: check.vision._iou_with(heatmap, boxes[:1], share),
        ),
    ],
    "success_auc": [
        ("shape", lambda scores: scores),
        ("range", lambda scores: 1 + scores.mean()),
        ("limits", lambda scores: (scores >= 0.5).float().mean()),
        ("limits", lambda scores: torch.trapezoid(check.vision._rate(scores)[1:], dx=0.05)),
    ],
    "detection_rules": [
        ("limits", first_rule_only),
        ("limits", share_of_the_smaller),
        ("shape", lambda rows: None),
        ("shape", lambda rows: rows[:, 2] > 0.9),
        ("shape", lambda rows: torch.arange(len(rows))),
        ("shape", lambda rows: rows[:, 1:]),
        ("shape", lambda rows: "rows"),
        ("runs", lambda rows: rows.nonsense),
    ],
}


@pytest.mark.parametrize(
    ("name", "stage", "function"),
    [(name, stage, f) for name, cases in OTHERS.items() for stage, f in cases],
)
def test_other_mistakes_are_caught_in_the_right_stage(name, stage, function):
    verdict = getattr(check, name)(function, seed=0)
    assert (verdict.passed, verdict.stage) == (False, stage), verdict


def test_each_rule_left_out_meets_its_own_hint():
    from avlib.check.detections import _detections, _rows
    from avlib.detection import filter_detections

    hints = {
        "Rule 1": {"confidence": None},
        "Rule 2: two classes": {"overlap": None},
        "Rule 3": {"top_classes": None},
    }
    for begin, left_out in hints.items():
        verdict = check.detection_rules(
            lambda rows, rule=left_out: _rows(filter_detections(_detections(rows), **rule))
        )
        assert not verdict.passed
        assert verdict.hint.startswith(begin)


def test_rules_may_return_the_rows_in_any_order():
    right = check.vision.detection_rules.reference
    assert check.detection_rules(lambda rows: right(rows).flip(0)).passed


def test_the_sizes_asked_for_are_those_of_the_networks():
    sizes = [
        resnet18(layer4=kind, width=2)(torch.zeros(1, 3, 224, 224)).shape[-1]
        for kind in ("stride", "unstrided", "dilated")
    ]
    assert check.layer4_sizes(tuple(sizes)).passed


def test_the_output_size_is_torchs():
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        n, k, s, p, d = check.vision.output_size.inputs(generator)
        layer = nn.Conv1d(1, 1, k, stride=s, padding=p, dilation=d)
        assert check.vision._output_size(n, k, s, p, d) == layer(torch.zeros(1, 1, n)).shape[-1]


def test_the_receptive_field_is_what_gradients_reach():
    layers = [(3, 2, 1), (3, 1, 2), (5, 2, 1), (3, 1, 3)]
    net = nn.Sequential(*(nn.Conv1d(1, 1, k, stride=s, dilation=d) for k, s, d in layers))
    for layer in net:
        nn.init.ones_(layer.weight)
    pixels = torch.zeros(1, 1, 200, requires_grad=True)
    cells = net(pixels)
    reached = []
    for cell in (3, 4):
        (gradient,) = torch.autograd.grad(cells[0, 0, cell], pixels, retain_graph=True)
        reached.append(gradient[0, 0].nonzero().flatten())
    size = int(reached[0][-1] - reached[0][0]) + 1
    assert check.vision._receptive_field(layers) == (size, int(reached[1][0] - reached[0][0]))
