from typing import Any

from bench.gpu_check.findings import Findings
from bench.gpu_check.page import write_page


def check(name: str, found: Findings, reason: str = "", output: str = "") -> dict[str, Any]:
    return {
        "check": name, "seconds": 12.3, "holds": True, "reason": reason, "findings": found.as_json(), "output": output,
    }  # fmt: skip


def test_the_page_tells_what_holds_what_does_not_and_what_a_failure_printed() -> None:
    found = Findings()
    found.fact("driver", "580|1")
    found.below("ms of an epoch", 70.0, 60.0, "ms")
    page = write_page(
        [check("versions", Findings()), check("article", found), check("quick", Findings(), "crashed", "no")]
    )
    assert "| [versions](#versions) | yes | 12 s |" in page
    assert "| [article](#article) | no: ms of an epoch | 12 s |" in page
    assert "| [quick](#quick) | no: crashed | 12 s |" in page
    assert "| driver | 580\\|1 |  |  |" in page
    assert "| ms of an epoch | 70 | below 60 ms | **does not hold** |" in page
    assert page.rstrip().endswith("````\nno\n````")
