"""What a check says: as a piece of HTML in a notebook, as text in a terminal."""

import html
from dataclasses import dataclass

from avlib.viz.rich import plain, rich

STAGES = ("runs", "shape", "range", "limits", "gradient", "value")
"""All stages of a check, in their order; a check leaves out those that it does not need."""

# The first rule undoes the theme's light box around HTML in the dark.
_STYLE = """<style>
html .bd-content div.cell_output .text_html:has(.avl-checked){background:none!important;
padding:0}
.avl-checked{color:var(--pst-color-text-base,inherit);
border:1px solid var(--pst-color-border,#8a8f98);border-left-width:.4rem;
border-radius:.25rem;padding:.5rem .8rem;margin:.5rem 0;max-width:46rem;line-height:1.45}
.avl-checked[data-stage=passed]{border-left-color:#1b7f5c}
.avl-checked[data-passed=no]{border-left-color:#c2501b}
.avl-checked[data-stage=todo]{border-left-color:#8a8f98;border-left-style:dashed}
.avl-checked p,.avl-checked ol,.avl-checked dl{margin:.25rem 0;padding:0}
.avl-checked ol{display:flex;flex-wrap:wrap;gap:.1rem 1rem;list-style:none;font-size:.9em}
.avl-checked ol li{margin:0}
.avl-checked li[data-state=failed]{font-weight:700;text-decoration:underline}
.avl-checked dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem .8rem;font-size:.9em}
.avl-checked dt{font-weight:600}.avl-checked dd{margin:0;overflow-wrap:anywhere}
.avl-checked code{color:inherit;background:none;border:0;padding:0;overflow-wrap:anywhere}
.avl-checked .avl-said{position:absolute;width:1px;height:1px;overflow:hidden;
clip-path:inset(50%);white-space:nowrap}</style>"""

_STATES = {"done": ("✓", "passed"), "failed": ("✗", "failed"), "open": ("·", "not reached")}


@dataclass(frozen=True, repr=False)
class Verdict:
    """The result of one check.

    Attributes:
        passed: whether all is right.
        stage: where it stopped: "todo", one of `STAGES`, or "passed".
        hint: what is wrong and what to try, or why it is right; `code` in backticks.
        name: of the check.
        stages: the stages of this check, in order.
        expected: what should have come out, where that is known.
        got: what came out instead.
        seed: gives the same random inputs again; None where nothing was random.
        notes: remarks that do not decide.

    Example:
        >>> Verdict(False, "shape", "Keep the columns.", "mine", ("runs", "shape", "value"))
        ✗ check.mine: not yet, see "shape"
          runs ✓   shape ✗   value ·
          Hint: Keep the columns.
    """

    passed: bool
    stage: str
    hint: str
    name: str = ""
    stages: tuple[str, ...] = ()
    expected: str = ""
    got: str = ""
    seed: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def headline(self) -> str:
        """The result in a few words."""
        if self.passed:
            return "passed"
        return "not done yet" if self.stage == "todo" else f'not yet, see "{self.stage}"'

    @property
    def ladder(self) -> tuple[tuple[str, str], ...]:
        """Each stage with its state: "done", "failed" or "open"."""
        if self.passed:
            return tuple((stage, "done") for stage in self.stages)
        reached = self.stages.index(self.stage) if self.stage in self.stages else -1
        states = (
            "failed" if k == reached else "done" if k < reached else "open"
            for k in range(len(self.stages))
        )
        return tuple(zip(self.stages, states, strict=True))

    @property
    def _compared(self) -> list[tuple[str, str]]:
        """What should have come out and what did, as far as it may be told."""
        both = (("Expected", self.expected), ("Got", self.got))
        return [(name, value) for name, value in both if value]

    @property
    def _called(self) -> str:
        return f"check.{self.name}" if self.name else "check"

    @property
    def _again(self) -> str:
        """How to see the same numbers once more; only a failure needs that."""
        if self.passed or self.seed is None or self.stage in ("todo", "runs"):
            return ""
        return f"{self._called}(your_function, seed={self.seed})"

    @property
    def _icon(self) -> str:
        return "✓" if self.passed else "○" if self.stage == "todo" else "✗"

    def __repr__(self) -> str:
        lines = [f"{self._icon} {self._called}: {self.headline}"]
        if len(self.stages) > 1:
            lines.append("   ".join(f"{stage} {_STATES[s][0]}" for stage, s in self.ladder))
        if self.hint:
            lead = "" if self.passed or self.stage == "todo" else "Hint: "
            lines.append(lead + plain(self.hint))
        lines += [f"{name + ':':9} {value}" for name, value in self._compared]
        lines += map(plain, self.notes)
        if self._again:
            lines.append(f"The same inputs again: {self._again}")
        return "\n  ".join(lines)

    def _repr_html_(self) -> str:
        parts = [
            f'<p><span aria-hidden="true">{self._icon}</span> '
            f"<code>{html.escape(self._called)}</code>: <strong>{html.escape(self.headline)}"
            "</strong></p>"
        ]
        if len(self.stages) > 1:
            parts.append(f"<ol>{''.join(_rung(*rung) for rung in self.ladder)}</ol>")
        if self.hint:
            lead = "" if self.passed or self.stage == "todo" else "<strong>Hint:</strong> "
            parts.append(f"<p>{lead}{rich(self.hint)}</p>")
        if self._compared:
            rows = (f"<dt>{n}</dt><dd>{html.escape(value)}</dd>" for n, value in self._compared)
            parts.append(f"<dl>{''.join(rows)}</dl>")
        parts += [f"<p>{rich(note)}</p>" for note in self.notes]
        if self._again:
            parts.append(f"<p>The same inputs again: <code>{html.escape(self._again)}</code></p>")
        return (
            f'<div class="avl-checked" role="status" data-check="{html.escape(self.name)}" '
            f'data-stage="{self.stage}" data-passed="{"yes" if self.passed else "no"}">'
            f"{_STYLE}{''.join(parts)}</div>"
        )


def _rung(stage: str, state: str) -> str:
    """One stage of the ladder; the icon is for the eye, the word for the ear."""
    icon, word = _STATES[state]
    return (
        f'<li data-state="{state}">{stage} <span aria-hidden="true">{icon}</span>'
        f'<span class="avl-said">{word}</span></li>'
    )
