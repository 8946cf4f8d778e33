"""Write the stored results of all benchmarks into README.md."""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BEGIN, END = "<!-- figures: written by table.py -->", "<!-- end of figures -->"
ORDER = (
    "sync", "latency", "long_history", "rate_limit", "refresh", "append", "summaries", "freshness", "noise",
    "cpu_profile",
)  # fmt: skip


def main() -> int:
    readme = HERE / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    files = [HERE / "results" / f"{name}.json" for name in ORDER]
    sections = [_section(json.loads(file.read_text())) for file in files if file.exists()]
    readme.write_text("\n\n".join([before + BEGIN, *sections, END + after]))
    return 0


def _section(result: dict[str, Any]) -> str:
    machine, versions = result["machine"], result["versions"]
    packages = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = [
        f"### {result['benchmark']}",
        "",
        f"{result['date'][:10]}, {machine['cpus']} CPUs, {machine['memory_gb']} GB, load {machine['load_at_start']} "
        f"at the start; {packages}.",
        "",
        "| metric | unit | min | median | max | runs |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for metric in result["metrics"]:
        numbers = " | ".join(_number(metric[key]) for key in ("min", "median", "max"))
        lines.append(f"| {metric['name']} | {metric['unit']} | {numbers} | {len(metric['runs'])} |")
    if result["bounds"]:
        lines.append("")
    for bound in result["bounds"]:
        state = "kept" if bound["reached"] else "**missed**"
        values = f"{_number(bound['measured'])} of at most {_number(bound['at_most'])} {bound['unit']}".strip()
        lines.append(f"* {bound['name']}: {values}: {state}")
    return "\n".join(lines)


def _number(number: float) -> str:
    return f"{number:,}".removesuffix(".0")


if __name__ == "__main__":
    sys.exit(main())
