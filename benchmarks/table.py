"""Write the kept figures of all benchmarks into README.md."""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BEGIN, END = "<!-- figures: written by table.py -->", "<!-- end of figures -->"
ORDER = ("sync", "latency", "rate_limit", "refresh", "append", "summaries", "freshness", "cpu_profile")


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
    of = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = [
        f"### {result['benchmark']}",
        "",
        f"{result['date'][:10]}, {machine['cpus']} CPUs, {machine['memory_gb']} GB, load {machine['load_at_start']} "
        f"at the start; {of}.",
        "",
        "| figure | unit | min | median | max | runs |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for figure in result["figures"]:
        numbers = " | ".join(_number(figure[key]) for key in ("min", "median", "max"))
        lines.append(f"| {figure['name']} | {figure['unit']} | {numbers} | {len(figure['runs'])} |")
    if result["bounds"]:
        lines.append("")
    for bound in result["bounds"]:
        verdict = "reached" if bound["reached"] else "**not reached**"
        figures = f"{_number(bound['measured'])} of at most {_number(bound['at_most'])} {bound['unit']}".strip()
        lines.append(f"* {bound['name']}: {figures}: {verdict}")
    return "\n".join(lines)


def _number(number: float) -> str:
    return f"{number:,}".removesuffix(".0")


if __name__ == "__main__":
    sys.exit(main())
