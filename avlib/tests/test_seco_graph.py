"""SeCo's eye for joints: the graph against OpenPose's bones, the network against loops."""

import math
from collections import deque
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from seco_parts import count, tiny, visuals

from avlib import seco
from avlib.nets import initialise
from avlib.skeleton import JOINT_NAMES, JOINTS, MIRRORED, edges

# --- joints


BONES = """
neck nose, nose right_eye, nose left_eye, right_eye right_ear, left_eye left_ear,
neck right_shoulder, right_shoulder right_elbow, right_elbow right_wrist,
neck left_shoulder, left_shoulder left_elbow, left_elbow left_wrist,
neck right_hip, right_hip right_knee, right_knee right_ankle,
neck left_hip, left_hip left_knee, left_knee left_ankle
"""
"""OpenPose's COCO body, as its documentation draws it; each finger hangs on the hand's root."""


def openpose_bones(wrist_links=True):
    named = [bone.split() for bone in BONES.replace("\n", " ").split(",")]
    for side in ("left", "right"):
        for finger in ("thumb", "index", "middle", "ring", "little"):
            chain = ["hand_root", *(f"{finger}_{k}" for k in range(1, 5))]
            named += [[f"{side}_{a}", f"{side}_{b}"] for a, b in pairwise(chain)]
        if wrist_links:
            named.append([f"{side}_wrist", f"{side}_hand_root"])
    return [(JOINT_NAMES.index(a), JOINT_NAMES.index(b)) for a, b in named]


def distances(bones, roots):
    """Breadth first by the book, with a queue and a dictionary."""
    near = {k: set() for k in range(JOINTS)}
    for a, b in bones:
        near[a].add(b)
        near[b].add(a)
    far = dict.fromkeys(roots, 0)
    queue = deque(roots)
    while queue:
        here = queue.popleft()
        for other in near[here] - far.keys():
            far[other] = far[here] + 1
            queue.append(other)
    return far


@pytest.mark.parametrize("wrist_links", [True, False])
def test_graph_against_openposes_bones(wrist_links):
    bones = openpose_bones(wrist_links)
    roots = [JOINT_NAMES.index("neck")]
    if not wrist_links:
        roots += [JOINT_NAMES.index(f"{side}_hand_root") for side in ("left", "right")]
    far = distances(bones, roots)
    assert seco.hops(edges(wrist_links)) == tuple(far[k] for k in range(JOINTS))
    joined = torch.eye(JOINTS)
    for a, b in bones:
        joined[a, b] = joined[b, a] = 1
    expected = torch.zeros(3, JOINTS, JOINTS)
    for u in range(JOINTS):
        for v in range(JOINTS):
            if joined[u, v]:
                which = 0 if far[u] == far[v] else 1 if far[u] < far[v] else 2
                expected[which, u, v] = 1 / joined[:, v].sum()
    graph = seco.adjacency(edges(wrist_links))
    torch.testing.assert_close(graph, expected)
    degrees = torch.diag(1 / joined.sum(dim=0))
    torch.testing.assert_close(graph.sum(dim=0), joined @ degrees)  # A D^-1
    assert torch.equal(graph[0] > 0, torch.eye(JOINTS) > 0)  # in a tree only oneself is as far
    mirror = list(MIRRORED)
    torch.testing.assert_close(graph, graph[:, mirror][:, :, mirror])


def test_joints_that_hang_on_nothing():
    with pytest.raises(ValueError, match=r"joints \[4\] hang on nothing"):
        seco.hops(tuple(e for e in edges(False) if 4 not in e))


def test_graph_block_by_loops():
    g = torch.Generator().manual_seed(0)
    graph = seco.adjacency(edges())
    block = seco.GraphBlock(2, 3, graph, stride=2, kernel=5).double().eval()
    with torch.no_grad():
        block.importance.copy_(torch.rand(graph.shape, generator=g))
    x = torch.randn(1, 2, 7, JOINTS, generator=g, dtype=torch.float64)
    norm = 1 / math.sqrt(1 + 1e-5)
    weight, bias = block.spatial.weight[:, :, 0, 0], block.spatial.bias
    heard = torch.zeros(3, 7, JOINTS, dtype=torch.float64)
    for s, u, v in graph.nonzero().tolist():  # what u tells v, through the weights of subset s
        told = weight[3 * s : 3 * s + 3] @ x[0, :, :, u] + bias[3 * s : 3 * s + 3, None]
        heard[:, :, v] += told * (block.graph[s, u, v] * block.importance[s, u, v])
    heard = F.pad((heard * norm).relu(), (0, 0, 2, 2))
    out = torch.zeros(3, 4, JOINTS, dtype=torch.float64)
    for t in range(4):  # five moments at a time, every second one
        taps = heard[:, 2 * t : 2 * t + 5]
        out[:, t] = torch.einsum("ock,ckv->ov", block.temporal.weight[..., 0], taps)
        out[:, t] += block.temporal.bias[:, None]
    conv = block.shortcut[0]
    side = torch.einsum("oc,ctv->otv", conv.weight[:, :, 0, 0], x[0, :, ::2])
    expected = (out * norm + (side + conv.bias[:, None, None]) * norm).relu()
    torch.testing.assert_close(block(x)[0], expected)


def test_skeleton_net_is_eleven_layers_with_residuals():
    net = seco.SkeletonNet()
    widths = [64, 64, 64, 128, 128, 128, 256, 256, 256, 256, 256]
    assert [b.temporal.out_channels for b in net.blocks] == widths
    assert [b.temporal.stride for b in net.blocks] == [
        (2, 1) if k in (3, 6) else (1, 1) for k in range(11)
    ]
    assert {b.temporal.kernel_size for b in net.blocks} == {(9, 1)}
    shortcuts = [type(b.shortcut).__name__ for b in net.blocks]
    assert (
        shortcuts
        == ["NoneType", "Identity", "Identity", "Sequential"]
        + ["Identity"] * 2
        + ["Sequential"]
        + ["Identity"] * 4
    )
    assert seco.SkeletonNet((8,) * 11, first_residual=True).blocks[0].shortcut is not None
    lengths = []
    for block in net.blocks:
        block.register_forward_hook(lambda module, args, out: lengths.append(out.shape[2]))
    with torch.inference_mode():
        assert net.eval()(torch.zeros(1, 3, 24, JOINTS)).shape == (1, 256)
    assert lengths == [24] * 3 + [12] * 3 + [6] * 5
    total, before = 2 * 3 * JOINTS, 3
    for k, c in enumerate(widths):
        total += before * 3 * c + 3 * c + 9 * c * c + c + 4 * c + 3 * JOINTS**2
        total += before * c + c + 2 * c if k in (3, 6) else 0
        before = c
    assert count(net) == total == 4_710_968


def reach(joint, last, wrist_links=True):
    """From which joints something gets to the last layer's `joint`, through `last` layers."""
    net = seco.SkeletonNet((6,) * last, (), wrist_links).double().eval()
    initialise(net, torch.Generator().manual_seed(0), "he")
    joints = visuals("skeleton", frames=1)[0].double().requires_grad_()
    outs = []
    net.blocks[-1].register_forward_hook(lambda module, args, out: outs.append(out))
    net(joints)
    (gradient,) = torch.autograd.grad(outs[0][..., JOINT_NAMES.index(joint)].sum(), joints)
    return {JOINT_NAMES[k] for k in range(JOINTS) if gradient[..., k].any()}


def test_wrist_links_join_hands_and_body():
    bones = openpose_bones()
    far = distances(bones, [JOINT_NAMES.index("neck")])
    # so many layers, so many bones; the furthest fingertips are 8 away
    for last in (2, 8):
        within = {JOINT_NAMES[k] for k, d in far.items() if d <= last}
        assert reach("neck", last) == within
    assert {"left_little_4", "right_thumb_4"} <= reach("neck", 11)
    severed = reach("neck", 11, wrist_links=False)
    assert severed == set(JOINT_NAMES[:18])  # the body hears itself alone
    hand = reach("left_index_2", 11, wrist_links=False)
    assert hand == {name for name in JOINT_NAMES[18:39]}


def test_edge_weights_are_learned_where_there_are_edges():
    cfg = tiny("skeleton")
    net = seco.make_sight(cfg)
    net(visuals("skeleton")[0]).square().sum().backward()
    for block in net.blocks:
        gradient = block.importance.grad
        assert gradient[block.graph == 0].abs().max() == 0
        assert (gradient[block.graph > 0] != 0).float().mean() > 0.9
    fixed = seco.make_sight(tiny("skeleton", adaptive_edges=False))
    assert not any(block.importance.requires_grad for block in fixed.blocks)
    assert count(fixed) == count(net)  # a checkpoint fits both


def test_each_number_of_each_joint_is_normalised_by_itself():
    net = seco.SkeletonNet((4,) * 11)
    joints = visuals("skeleton", batch=8, frames=6)[:, 0]
    scale = torch.rand(1, 3, 1, JOINTS) * 10 + 0.5
    torch.testing.assert_close(net(joints), net(joints * scale + 3), rtol=1e-3, atol=1e-4)


def test_joints_that_were_not_seen():
    """Confidence 0 and zeros for x and y: documented, finite, with finite gradients."""
    model = seco.SeCo(tiny("skeleton")).eval()
    joints = visuals("skeleton")
    joints[0, 0] = 0  # nobody there
    joints[1, 1, :, :, 18:] = 0  # no hands
    seen = model.look(joints)
    assert torch.isfinite(seen).all()
    nobody = model.look(torch.zeros_like(joints))
    torch.testing.assert_close(seen[0, 0], nobody[0, 0])
    seen.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.sight.parameters())
