"""Look at moving joints: SeCo's skeleton modality, a graph network over the 60 joints."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from avlib.skeleton import BODY_NAMES, JOINTS, LEFT_HAND, RIGHT_HAND, edges

WIDTHS = (64, 64, 64, 128, 128, 128, 256, 256, 256, 256, 256)
CENTRE = BODY_NAMES.index("neck")


def hops(links: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    """Count the bones from each joint to the neck, or to the root of its hand if that is cut off.

    Args:
        links: bones, see `avlib.skeleton.edges`.

    Raises:
        ValueError: a joint that no chain of bones joins to the neck or a hand's root.

    Example:
        >>> from avlib.skeleton import BODY_NAMES, edges
        >>> hops(edges())[BODY_NAMES.index("left_wrist")]
        3
    """
    near: dict[int, list[int]] = {joint: [] for joint in range(JOINTS)}
    for a, b in links:
        near[a].append(b)
        near[b].append(a)
    far: dict[int, int] = {}
    for root in (CENTRE, LEFT_HAND.start, RIGHT_HAND.start):
        if root in far:
            continue
        far[root] = 0
        front = [root]
        for joint in front:  # grows while it is walked through: breadth first
            for other in near[joint]:
                if other not in far:
                    far[other] = far[joint] + 1
                    front.append(other)
    if lost := sorted(set(range(JOINTS)) - set(far)):
        raise ValueError(f"joints {lost} hang on nothing: give edges that join all {JOINTS}")
    return tuple(far[joint] for joint in range(JOINTS))


def adjacency(links: tuple[tuple[int, int], ...]) -> Float[Tensor, "3 joint joint"]:
    r"""Build the graph that sends messages between joints, in three subsets.

    Yan et al. 2018 (ST-GCN), spatial configuration partitioning: joint *v* hears from itself,
    from the neighbour that is nearer to the centre of the body (the neck), and from those that are
    further away, each with weights of its own. Entry $[s, u, v]$ is what *u* contributes to *v*;
    columns of the sum over $s$ add up to 1: $A D^{-1}$, with bones and joints themselves in $A$.

    Args:
        links: bones, see `avlib.skeleton.edges`.

    Example:
        >>> adjacency(edges()).sum(dim=(0, 1)).allclose(torch.ones(60))
        True
    """
    joined = torch.eye(JOINTS)
    for a, b in links:
        joined[a, b] = joined[b, a] = 1.0
    joined = joined / joined.sum(dim=0, keepdim=True)
    far = torch.tensor(hops(links))
    source, target = far[:, None], far[None, :]
    subsets = (source == target, source < target, source > target)
    return torch.stack([joined * subset for subset in subsets])


class GraphBlock(nn.Module):
    r"""One layer of ST-GCN: messages along bones, then a convolution in time, and a shortcut.

    $$y = \mathrm{ReLU}\Big(\mathrm{BN}\, W_t * \mathrm{ReLU}\, \mathrm{BN} \sum_{s=1}^{3}
    W_s\, x\, (A_s \odot E_s) + \mathrm{shortcut}(x)\Big)$$

    with $A_s$ of `adjacency` and $E_s$ the learned weights of the edges, 1 at the start (Yan et
    al. 2018).

    Args:
        in_channels: numbers of each joint that come in.
        channels: numbers that go out.
        graph: see `adjacency`.
        stride: in time.
        residual: whether there is a shortcut.
        adaptive: learn a weight for every edge.
        kernel: moments that the convolution in time spans.

    Example:
        >>> block = GraphBlock(3, 8, adjacency(edges()), stride=2)
        >>> block(torch.zeros(1, 3, 24, 60)).shape
        torch.Size([1, 8, 12, 60])
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        graph: Float[Tensor, "3 joint joint"],
        stride: int = 1,
        residual: bool = True,
        adaptive: bool = True,
        kernel: int = 9,
    ) -> None:
        super().__init__()
        self.register_buffer("graph", graph, persistent=False)
        self.graph: Tensor
        self.importance = nn.Parameter(torch.ones_like(graph), requires_grad=adaptive)
        self.spatial = nn.Conv2d(in_channels, len(graph) * channels, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.temporal = nn.Conv2d(
            channels, channels, (kernel, 1), (stride, 1), ((kernel - 1) // 2, 0)
        )
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut: nn.Module | None = None
        if residual and (stride != 1 or in_channels != channels):
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, (stride, 1)), nn.BatchNorm2d(channels)
            )
        elif residual:
            self.shortcut = nn.Identity()

    def forward(
        self, x: Float[Tensor, "batch channel frame joint"]
    ) -> Float[Tensor, "batch channel_out frame_out joint"]:
        """Pass messages, look along time, add the input."""
        subsets = self.spatial(x).unflatten(1, (len(self.graph), -1))
        y = torch.einsum("bsctu,suv->bctv", subsets, self.graph * self.importance)
        y = self.bn2(self.temporal(F.relu(self.bn1(y))))
        return F.relu(y if self.shortcut is None else y + self.shortcut(x))


class SkeletonNet(nn.Module):
    """Look at a player's joints: ST-GCN of 11 layers with residuals, global average pooling.

    SeCo, supplementary section D, after Yan et al. 2018; widths and strides are theirs stretched
    from 10 layers to 11 (the supplement gives only the number).

    Args:
        widths: channels of each layer; the last is the length of the vector.
        strided: layers (from 0) that halve time.
        wrist_links: join each wrist to the root of its hand; without them body and hands are
            three graphs that never hear from each other.
        first_residual: whether the first layer has a shortcut (ST-GCN's has none).
        adaptive: learn a weight for every edge, in every layer.
        kernel: moments that the convolutions in time span.

    A joint that was not seen comes as three zeros: it tells its neighbours nothing but that, and
    a player without any joint still gets a vector, the same for all such players.

    Example:
        >>> net = SkeletonNet(widths=(8,) * 11)
        >>> net(torch.zeros(2, 3, 24, 60)).shape
        torch.Size([2, 8])
    """

    def __init__(
        self,
        widths: tuple[int, ...] = WIDTHS,
        strided: tuple[int, ...] = (3, 6),
        wrist_links: bool = True,
        first_residual: bool = False,
        adaptive: bool = True,
        kernel: int = 9,
    ) -> None:
        super().__init__()
        graph = adjacency(edges(wrist_links))
        self.features = widths[-1]
        self.bn0 = nn.BatchNorm1d(3 * JOINTS)
        self.blocks = nn.ModuleList(
            GraphBlock(
                widths[k - 1] if k else 3,
                width,
                graph,
                stride=2 if k in strided else 1,
                residual=first_residual or k > 0,
                adaptive=adaptive,
                kernel=kernel,
            )
            for k, width in enumerate(widths)
        )

    def forward(self, joints: Float[Tensor, "batch 3 frame 60"]) -> Float[Tensor, "batch feature"]:
        """Compute one vector for each clip from x, y in [-1, 1] and confidence of each joint."""
        flat = joints.transpose(2, 3).flatten(1, 2)  # batch norm of each number of each joint
        x = self.bn0(flat).unflatten(1, joints.shape[1:4:2]).transpose(2, 3)
        for block in self.blocks:
            x = block(x)
        return x.mean(dim=(2, 3))
