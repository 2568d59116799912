"""What the README says can be pasted."""

import contextlib
import io
import json
import re

import pytest

from mobiusd import ROOT


def blocks(file, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / file).read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("file", ["README.md", "README.zh-CN.md"])
def test_the_python_of_the_readme_works_as_pasted(server, file):
    output, names = io.StringIO(), {}
    code = "\n".join(blocks(file, "python"))
    assert "grpc://127.0.0.1:50051" in code
    with contextlib.redirect_stdout(output):
        exec(compile(code.replace("grpc://127.0.0.1:50051", server.location), file, "exec"), names)
    acknowledged, answer, count = output.getvalue().splitlines()
    assert json.loads(eval(acknowledged))["rows"] == 600
    assert eval(answer)["host"] == ["host_0", "host_1", "host_2"]
    assert eval(count) == (600,)


def test_the_sql_of_the_readme_is_understood(server):
    with contextlib.redirect_stdout(io.StringIO()):
        exec("\n".join(blocks("README.md", "python")).replace("grpc://127.0.0.1:50051", server.location), {})
    (statement,) = re.findall(r"`(select \* from 'cpu' .*?)`", (ROOT / "README.md").read_text())
    assert server.query(statement).num_rows == 599  # its bound is exclusive
