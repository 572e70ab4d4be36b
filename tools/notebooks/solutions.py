"""The code of a solution behind a switch: *Run all* must not give answers away."""

import ast
import io
import tokenize

from notebooks.parse import PageError

SWITCH = 'show_solution = False  # @param {type:"boolean"}'


def switched(title: str, code: str) -> str:
    r"""A cell that does nothing until its box is ticked, and then does what `code` does.

    Colab makes a form of the first two lines, and runs the cell when its box changes. What a
    cell's last line evaluates to is shown only outside of an ``if``; inside, `display` does it.

    Raises:
        PageError: the code is not Python alone.

    Example:
        >>> print(switched("Solution", "x = 2\nx"))
        # @title Solution { run: "auto" }
        show_solution = False  # @param {type:"boolean"}
        if show_solution:
            x = 2
            display(x)
    """
    code = displayed(code)
    return f'# @title {title} {{ run: "auto" }}\n{SWITCH}\nif show_solution:\n{indented(code)}'


def displayed(code: str) -> str:
    r"""The code with its last line in `display`, if that line is a value that a cell would show.

    Example:
        >>> displayed("x = 2\ncheck.double(x)  # yes"), displayed("plot(x);"), displayed("print(2)")
        ('x = 2\ndisplay(check.double(x))  # yes', 'plot(x);', 'print(2)')
    """
    try:
        last = ast.parse(code).body[-1]
    except (SyntaxError, IndexError) as err:
        raise PageError(f"a solution's cell must be Python, without magics: {code[:60]!r}") from err
    if not isinstance(last, ast.Expr) or ast.unparse(last).startswith("print("):
        return code
    lines = code.encode().split(b"\n")  # ast counts bytes
    assert last.end_lineno is not None
    before, behind = (b"(", b")") if isinstance(last.value, ast.Tuple) else (b"", b"")
    after = lines[last.end_lineno - 1][last.end_col_offset :]
    if after.lstrip().startswith(b";"):
        return code
    end = lines[last.end_lineno - 1][: last.end_col_offset]
    lines[last.end_lineno - 1] = end + behind + b")" + after
    first, at = lines[last.lineno - 1], last.col_offset
    lines[last.lineno - 1] = first[:at] + b"display(" + before + first[at:]
    return b"\n".join(lines).decode()


def indented(code: str) -> str:
    r"""Every line four columns to the right, but for those inside a text of several lines.

    Example:
        >>> indented('x = \'\'\'a\nb\'\'\'\n\ny = 1')
        "    x = '''a\nb'''\n\n    y = 1"
    """
    inside: set[int] = set()
    starts: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        kind = tokenize.tok_name[token.type]
        if kind == "STRING":
            inside |= set(range(token.start[0] + 1, token.end[0] + 1))
        elif kind == "FSTRING_START":  # from Python 3.12 on, an f-string is several tokens
            starts.append(token.start[0])
        elif kind == "FSTRING_END":
            inside |= set(range(starts.pop() + 1, token.end[0] + 1))
    lines = enumerate(code.split("\n"), 1)
    return "\n".join(text if k in inside or not text else f"    {text}" for k, text in lines)
