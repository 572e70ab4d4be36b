"""What a check found, and how it is told."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

# What broken installations raise: missing libraries, wrong builds, old versions.
_SYMPTOMS = (ImportError, OSError, RuntimeError, ValueError, AttributeError, TypeError, LookupError)


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        code: fixed name of the check ("AV01"), to search for.
        name: what was checked.
        ok: whether it is as it should be.
        detail: what was found.
        fix: what to do; empty if `ok`.
        needed: whether avlib's main work fails without it.

    Example:
        >>> print(Check("AV01", "Python", True, "3.12.1"))
        OK   AV01 Python: 3.12.1
        >>> print(Check("AV09", "fonts", False, "no DejaVu Sans", "reinstall matplotlib", False))
        FIX  AV09 fonts: no DejaVu Sans
             -> reinstall matplotlib (not needed for the main work)
    """

    code: str
    name: str
    ok: bool
    detail: str
    fix: str = ""
    needed: bool = True

    @property
    def blocks(self) -> bool:
        """Whether something that is needed does not work."""
        return self.needed and not self.ok

    def __str__(self) -> str:
        line = f"{'OK ' if self.ok else 'FIX'}  {self.code} {self.name}: {self.detail}"
        if self.ok:
            return line
        return (
            f"{line}\n     -> {self.fix}{'' if self.needed else ' (not needed for the main work)'}"
        )


def report(checks: Iterable[Check]) -> str:
    """The findings as text: a line each, the fix below what is wrong, a verdict at the end.

    Args:
        checks: what `run_checks` found.

    Returns:
        Lines that begin with OK or FIX.

    Example:
        >>> print(report([Check("AV01", "Python", True, "3.12.1")]))
        OK   AV01 Python: 3.12.1
        Everything works (1 check).
    """
    found = list(checks)
    lines = [str(check) for check in found]
    wrong, blocking = sum(not c.ok for c in found), sum(c.blocks for c in found)
    many = f"{len(found)} check{'s' * (len(found) != 1)}"
    if not wrong:
        lines.append(f"Everything works ({many}).")
    else:
        lines.append(f"{wrong} of {many} to fix, {blocking} of them needed.")
    return "\n".join(lines)


class WrongError(RuntimeError):
    """A check failed: what was found, and (if not the check's usual one) the fix."""

    def __init__(self, detail: str, fix: str = "") -> None:
        super().__init__(detail)
        self.fix = fix


def examined(code: str, name: str, check: Callable[[], str], fix: str, needed: bool) -> Check:
    """Run one check; what it raises becomes the finding."""
    try:
        return Check(code, name, True, check(), needed=needed)
    except WrongError as err:
        return Check(code, name, False, str(err), err.fix or fix, needed)
    except _SYMPTOMS as err:
        lines = str(err).strip().splitlines() or [""]
        detail = f"{type(err).__name__}: {lines[0][:200]}"
        return Check(code, name, False, detail, fix, needed)
